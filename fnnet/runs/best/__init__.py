"""The nets that did best in the searches of `experiments.reports.best`: other defaults for the families."""
