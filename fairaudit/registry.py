"""The door: every metric, dataset, model loader and writer enters by entry point.

The bundled plugins are entry points of this distribution, found exactly as those of
any other distribution.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from importlib.metadata import EntryPoint, entry_points
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_type_hints

from fairaudit.errors import AuditError, suggest

if TYPE_CHECKING:
    from fairaudit.model import Model
    from fairaudit.models import ModelOptions

PluginGroup: TypeAlias = Literal[
    "fairaudit.metrics", "fairaudit.datasets", "fairaudit.models", "fairaudit.reports"
]


@dataclass(frozen=True)
class Plugin:
    """A plugin that was found, not yet loaded."""

    group: str
    name: str
    distribution: str
    version: str
    entry: EntryPoint

    def load(self) -> Any:  # noqa: ANN401 - the class is the plugin author's
        """Import the plugin.

        Raises
        ------
        AuditError
            Where the import fails; the message names the distribution.
        """
        try:
            return self.entry.load()
        except Exception as error:
            raise AuditError(
                f"{self.group} plugin {self.name!r} of {self.distribution} "
                f"{self.version} cannot be imported ({type(error).__name__}: {error}). "
                "Mend or uninstall that distribution."
            ) from error


def find(group: PluginGroup) -> Mapping[str, Plugin]:
    """Return the plugins of a group by name, sorted, without importing any.

    Raises
    ------
    AuditError
        Where two distributions bring the same name: a metric silently replaced would
        make every report doubtful.
    """
    found: dict[str, Plugin] = {}
    for plugin in sorted(map(_plugin, entry_points(group=group)), key=_order):
        other = found.setdefault(plugin.name, plugin)
        if other.distribution != plugin.distribution:
            raise AuditError(
                f"{group} plugin {plugin.name!r} is brought by both "
                f"{other.distribution} and {plugin.distribution}; uninstall one."
            )
    return found


def load(group: PluginGroup, name: str) -> Any:  # noqa: ANN401
    """Import one plugin by name; an unknown name is an `AuditError` with a hint."""
    plugins = find(group)
    if name not in plugins:
        kind = group.rpartition(".")[2].removesuffix("s")
        raise AuditError(f"No {kind} is called {name!r}. {suggest(name, plugins)}")
    return plugins[name].load()


def open_model(
    reference: str, options: "ModelOptions", psm: str | None = None
) -> "Model":
    """Open a model by the loader that claims the reference.

    Raises
    ------
    AuditError
        Where no loader does.
    """
    loaders = [load("fairaudit.models", name)() for name in find("fairaudit.models")]
    loader = next((entry for entry in loaders if entry.claims(reference)), None)
    if loader is None:
        raise AuditError(
            f"{reference} is no model. Give a directory with config.json and "
            "model.safetensors, or a file of word vectors (.txt, .vec, .bin)."
        )
    model: Model = loader.open(reference, options, psm)
    return model


def build(plugin: type, options: Mapping[str, str], what: str) -> Any:  # noqa: ANN401
    """Make a plugin instance from options given as text.

    Parameters
    ----------
    plugin
        A dataclass whose fields are its parameters.
    options
        Values as typed by the user.
    what
        How messages name the plugin, such as ``"metric ceat"``.

    Raises
    ------
    AuditError
        For an unknown parameter, or values that the plugin does not take.
    """
    if not is_dataclass(plugin):
        raise AuditError(f"{what} is not a dataclass; tell the plugin's author.")
    known = {field.name for field in fields(plugin) if field.init}
    for name in options:
        if name not in known:
            raise AuditError(
                f"{what} has no parameter {name!r}. {suggest(name, known)}"
            )
    hints = get_type_hints(plugin) if options else {}
    values = {k: _parse(v, hints[k], f"{what}:{k}") for k, v in options.items()}
    try:
        return plugin(**values)
    except (TypeError, ValueError) as error:
        raise AuditError(
            f"{what} cannot be made: {error}. Set its parameters."
        ) from error


def _parse(text: str, hint: Any, what: str) -> Any:  # noqa: ANN401
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(hint).validate_strings(text)
    except ValidationError as error:
        problem = error.errors()[0]["msg"]
        raise AuditError(f"{what}={text!r} cannot be used: {problem}.") from error


def _plugin(entry: EntryPoint) -> Plugin:
    dist = entry.dist
    name, version = (dist.name, dist.version) if dist else ("unknown", "")
    return Plugin(entry.group, entry.name, name, version, entry)


def _order(plugin: Plugin) -> tuple[str, str]:
    return plugin.name, plugin.distribution
