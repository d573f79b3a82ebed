"""All words of fnnet, for tests that look at each; a program looks for the one it meets."""

from importlib import import_module

from fnnet.recipe import names

FUNCTIONS = {
    part + name: function
    for part, module in names.PARTS.items()
    for name in import_module(module).__all__
    if (function := names.function_of(part + name))
}
