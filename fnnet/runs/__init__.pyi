from fnnet.runs.folder import RunError as RunError
from fnnet.runs.trained import Trained as Trained
from fnnet.runs.trained import load as load
from fnnet.runs.trained import load_trained as load_trained
