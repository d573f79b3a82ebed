"""A SLURM of one node on 127.0.0.1, for a while, from the distribution's packages, with no privileges.

FNNET_SLURM names a folder in which they are unpacked, as `.ci/slurm FOLDER` does; without it PATH is searched for them.
All that is written lies in one folder, and all that was started has ended when the `with` ends, however it does.
"""

import getpass
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

SECONDS = 30.0  # in which all of it has to be up
PROGRAMS = ("munged", "slurmctld", "slurmd", "slurmstepd", "srun", "sbatch", "scancel", "sinfo", "squeue")


def missing() -> str | None:
    """Why there is no SLURM here."""
    absent = [name for name in PROGRAMS if _program(name) is None]
    root = os.environ.get("FNNET_SLURM")
    where = f"FNNET_SLURM={root}" if root else "PATH (FNNET_SLURM may name unpacked packages, see .ci/slurm)"
    return f"needs SLURM: no {', '.join(absent)} in {where}" if absent else None


def _folders() -> list[Path]:
    root = os.environ.get("FNNET_SLURM")
    if root:
        return [Path(root, "usr", name) for name in ("sbin", "bin")]
    return [Path(name) for name in (*os.environ.get("PATH", "").split(os.pathsep), "/usr/sbin") if name]


def _program(name: str) -> Path | None:
    """Debian gives its SLURM the ending -wlm, and a link that needs its installer."""
    found = (folder / full for folder in _folders() for full in (name, f"{name}-wlm"))
    return next((path for path in found if path.exists()), None)


@contextmanager
def cluster(folder: Path) -> Iterator[Mapping[str, str]]:
    """The environment in which `sbatch`, `srun` and the rest find a SLURM whose files are in `folder`."""
    programs = folder / "bin"
    programs.mkdir(parents=True)
    for name in PROGRAMS:
        found = _program(name)
        assert found is not None
        (programs / name).symlink_to(found)
    environment = {
        **os.environ,
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "SLURM_CONF": str(folder / "slurm.conf"),
        "OPENBLAS_NUM_THREADS": "1",
    }
    configuration = _configuration(folder)
    if root := os.environ.get("FNNET_SLURM"):
        libraries = {path.parent for path in Path(root).rglob("*.so*")}
        environment["LD_LIBRARY_PATH"] = os.pathsep.join(sorted(map(str, libraries), key=len))
        (plugins,) = (path for path in libraries if (path / "auth_munge.so").exists())
        configuration += f"PluginDir={plugins}\n"
    (folder / "slurm.conf").write_text(configuration)
    for name in ("state", "spool", "log", "munge"):
        (folder / name).mkdir(mode=0o755)
    key = folder / "munge" / "key"
    key.write_bytes(os.urandom(128))
    key.chmod(0o400)
    commands = {
        "munged": [
            "--foreground",
            "--force",
            f"--key-file={key}",
            *(f"--{word}={folder / 'munge' / word}" for word in ("socket", "pid-file", "log-file", "seed-file")),
        ],
        "slurmctld": ["-D", "-i"],
        "slurmd": ["-D", "-N", "here", "-d", str(programs / "slurmstepd")],
    }
    with ExitStack() as held:
        for name, words in commands.items():
            held.enter_context(_running([str(programs / name), *words], environment, folder / "log" / name))
            if name == "munged":
                _until(lambda: (folder / "munge" / "socket").exists(), folder)
        _until(lambda: _told(["sinfo", "-h", "-o", "%T"], environment) == "idle", folder)
        held.callback(_cancel, environment)
        yield environment


def ended(environment: Mapping[str, str], job: str, seconds: float = 240) -> set[str]:
    """The states in which the tasks of a job have ended, or are in after so many seconds."""
    end = time.monotonic() + seconds
    while True:
        states = set(_told(["squeue", "-h", "-r", "-t", "all", "-j", job, "-o", "%T"], environment).split())
        if states.isdisjoint({"PENDING", "CONFIGURING", "RUNNING", "COMPLETING"}) or time.monotonic() > end:
            return states
        time.sleep(0.2)


def _configuration(folder: Path) -> str:
    user, host = getpass.getuser(), socket.gethostname().partition(".")[0]
    controller, node = free_ports(2)
    return f"""ClusterName=here
SlurmctldHost={host}(127.0.0.1)
SlurmUser={user}
SlurmdUser={user}
SlurmctldPort={controller}
SlurmdPort={node}
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge/socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/pgid
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
MpiDefault=none
ReturnToService=2
SlurmdParameters=config_overrides
KillWait=1
PropagateResourceLimits=NONE
NodeName=here NodeHostname={host} NodeAddr=127.0.0.1 CPUs=4 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=10 State=UP OverSubscribe=YES
"""


def free_ports(n: int) -> list[int]:
    """Ports of 127.0.0.1 on which nobody listens."""
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(n)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@contextmanager
def _running(command: list[str], environment: Mapping[str, str], log: Path) -> Iterator[None]:
    with log.open("wb") as file:
        process = subprocess.Popen(command, env=environment, stdout=file, stderr=file, start_new_session=True)
        try:
            yield
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(10)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _told(command: list[str], environment: Mapping[str, str]) -> str:
    program = shutil.which(command[0], path=environment["PATH"])
    assert program is not None
    return subprocess.run([program, *command[1:]], env=environment, capture_output=True, text=True).stdout.strip()


def _until(done: Callable[[], bool], folder: Path) -> None:
    end = time.monotonic() + SECONDS
    while not done():
        if time.monotonic() > end:
            logs = (f"{path.name}: {path.read_text(errors='replace')[-800:]}" for path in (folder / "log").iterdir())
            raise TimeoutError("\n".join([f"SLURM did not come up in {SECONDS:g} s", *logs]))
        time.sleep(0.1)


def _cancel(environment: Mapping[str, str]) -> None:
    """End what is under way, before the node that has to end it is gone."""
    _told(["scancel", "--user", getpass.getuser()], environment)
    end = time.monotonic() + 10
    while _told(["squeue", "-h"], environment) and time.monotonic() < end:
        time.sleep(0.1)
