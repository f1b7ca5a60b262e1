"""Plugins: whole stories from numbers to pages, beside the core.

A plugin is a folder of `qfusion/plugins`, or a distribution that names a `Plugin` under the entry point group
`qfusion.plugins`. Either way one object says what it adds:

    PLUGIN = Plugin("acme", commands={"weigh": Command("acme.scales:weigh", ["weigh qj-planted"])})

Everything is named by text, "MODULE:NAME", and imported when it is first used. The module that holds the object imports
nothing else of qfusion. The core never imports a plugin; it asks here what there is.
"""

import importlib
import pkgutil
import tomllib
import warnings
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any, Literal

from qfusion._extras import NEEDS, Need
from qfusion._lazy import load

GROUP = "qfusion.plugins"
# what a plugin can add
Hook = Literal[
    "clips",
    "commands",
    "formats",
    "given",
    "feature_transforms",
    "models",
    "openers",
    "pages",
    "panels",
    "sources",
    "tabs",
    "views",
]


@dataclass(frozen=True)
class Command:
    """A command of the command line, or a group of commands.

    Attributes:
        function: "MODULE:NAME" of the function, or of the `typer.Typer` of a group.
        examples: calls of it, for its help.
        context: settings of its context.
    """

    function: str
    examples: list[str] = field(default_factory=list)
    context: dict[str, Any] | None = None


@dataclass(frozen=True)
class Page:
    """A page of the dashboard.

    Attributes:
        title: title of the page and label in the menu.
        question: the question that the page answers, shown beside its title.
        draw: "MODULE:NAME" of the function that draws it; by default it shows its views, see `Plugin.views`.
        group: group of the menu: Explore, Understand, Build or Learn.
        icon: icon in the menu, as Streamlit names it.
        file: file of the page below the folder of `app.py`; the page is drawn by `pages/plugin.py` without one.
        has_model: whether the page is that of a model, its data and a sample.
        needs: "MODULE:NAME" of the protocol of `models.protocols` that a model must have to be shown; empty for any.
        begins_with_figure: whether the page begins with a figure that is made at once. A session that opens with
            this page shows that figure first.
    """

    title: str
    question: str
    draw: str = "qfusion.app.pages.plugin:views"
    group: str = "Understand"
    icon: str = ":material/extension:"
    file: str = ""
    has_model: bool = True
    needs: str = ""
    begins_with_figure: bool = False


@dataclass(frozen=True)
class Tab:
    """A tab of a page, or a section of the Data page.

    Attributes:
        page: title of the page, in lower case: cohorts, compare, data, dynamics, faithfulness or train.
        name: its label.
        draw: "MODULE:NAME" of the function that draws it, given the page's context and what the page shows: a sample,
            or the levels of a cohort; on Data, the data set alone; on Train, where it brings a model, nothing.
        fits: "MODULE:NAME" of the function from a model on its data to whether there is something to show; always
            shown if empty. Pages of models alone ask it.
    """

    page: str
    name: str
    draw: str
    fits: str = ""


@dataclass(frozen=True)
class Format:
    """A format of model files.

    Attributes:
        name: its name for the command line. For a format that is read, also the kind of its models in their cards.
        title: name for readers.
        says: description in one sentence.
        endings: suffixes of its files.
        read: "MODULE:NAME" of the function that returns a model, from its card, the bytes and the name of its file;
            empty for a format that is only written.
        write: "MODULE:NAME" of the function that returns the bytes of a file, from a model, entries that describe
            it, "double" or "single", and the steps of each modality that is a sequence; empty for one that is only
            read.
        needs: "MODULE:NAME" of protocols of `models.protocols`, of which a model must have one to be written.
    """

    name: str
    title: str
    says: str
    endings: tuple[str, ...]
    read: str = ""
    write: str = ""
    needs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plugin:
    """What a plugin adds to the core.

    Attributes:
        name: its name, that of its folder.
        requires: names of the plugins that it uses. Without one of them it is not loaded.
        clips: "MODULE:NAME" of functions from the name of a set, the ids of its samples and a row to the recording of
            that sample, a `Clip`, or None.
        commands: commands by their words; "data extract" joins the group `data`.
        formats: formats of model files.
        extras: by the name of an import, its purpose and the extra that installs it.
        given: by kind, "MODULE:CLASS" of models whose numbers are given, not trained.
        feature_transforms: "MODULE:NAME" of functions from how the features of an imported set were extracted, as
            its manifest records it, and its modalities to what makes such features of a visitor's input: a
            `FeatureTransform` by modality.
        models: by kind, "MODULE:CLASS" of models that can be trained.
        openers: "MODULE:CLASS" of what opens models and circuits of other libraries, see `adapters.gates`.
        pages: pages of the dashboard.
        panels: by page, in lower case, the modules with its PANELS and, optional, NAMED and CONTROLS.
        sources: "MODULE:NAME" of data sources.
        tabs: tabs of pages of the core.
        views: by page, in lower case, "MODULE:NAME" of views, see `qfusion.views`.
        assets: folder of files that ship with it, in the layout of `qfusion/assets`.
    """

    name: str
    requires: tuple[str, ...] = ()
    clips: tuple[str, ...] = ()
    commands: Mapping[str, Command] = field(default_factory=dict)
    formats: tuple[Format, ...] = ()
    extras: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    given: Mapping[str, str] = field(default_factory=dict)
    feature_transforms: tuple[str, ...] = ()
    models: Mapping[str, str] = field(default_factory=dict)
    openers: tuple[str, ...] = ()
    pages: tuple[Page, ...] = ()
    panels: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    tabs: tuple[Tab, ...] = ()
    views: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    assets: Path | None = None


@cache
def plugins() -> tuple[Plugin, ...]:
    """Return the plugins that are installed, each after those that it requires. Without these it is left out.

    They are no results, and commands that only list them begin without NumPy, which the cache of results needs.
    """
    waiting: dict[str, Plugin] = {}
    for plugin in (*_own_plugins(), *_installed_plugins()):
        waiting.setdefault(plugin.name, plugin)
    ordered: dict[str, Plugin] = {}
    while ready := [one for one in waiting.values() if ordered.keys() >= {*one.requires}]:
        for plugin in ready:
            ordered[plugin.name] = waiting.pop(plugin.name)
            NEEDS.update({module: Need(*need) for module, need in plugin.extras.items()})
    return tuple(ordered.values())


def entries(hook: Hook) -> Iterator[Any]:
    """Yield what all plugins add to one part of the core: the entries of a tuple, or the items of a mapping."""
    for plugin in plugins():
        value = getattr(plugin, hook)
        yield from value.items() if isinstance(value, Mapping) else value


def asset_path(*names: str) -> Path:
    """Return the path of a file or folder that ships besides code, in `qfusion/assets`.

    Args:
        names: names of the subfolders of `qfusion/assets` and of the file; none for `qfusion/assets` itself.
    """
    return Path(str(resources.files("qfusion"))).joinpath("assets", *names)


def asset_text(*names: str) -> str:
    """Return the text of a packaged file.

    Args:
        names: as for `asset_path`.
    """
    return asset_path(*names).read_text(encoding="utf-8")


def asset_paths(name: str) -> list[Path]:
    """Return the files or folders of a name that ship: that of `qfusion/assets`, then those of plugins."""
    folders = [asset_path(), *_asset_folders()]
    return [folder / name for folder in folders if (folder / name).exists()]


def find_asset(folder: Path, file: str) -> Path:
    """Return the path of a file that ships in a folder of the core or in the folder of that name of a plugin; where
    there is none, that of the core."""
    places = [folder, *(other / folder.name for other in _asset_folders())]
    return next((place / file for place in places if (place / file).is_file()), folder / file)


def read_assets(name: str) -> list[dict[str, Any]]:
    """Return the contents of the TOML files of a name that ship with the core and with plugins."""
    return [tomllib.loads(path.read_text(encoding="utf-8")) for path in asset_paths(name)]


def glob_assets(folder: str, pattern: str) -> list[Path]:
    """Return the files that ship in a folder of the core and in those of that name of plugins, by name."""
    paths = (path for place in asset_paths(folder) for path in place.glob(pattern))
    return sorted(paths, key=lambda path: path.name)


def _asset_folders() -> list[Path]:
    return [plugin.assets for plugin in plugins() if plugin.assets is not None]


def load_name(reference: str) -> Any:
    """Return what "MODULE:NAME" names. The module is imported.

    Raises:
        MissingPackage: when the module needs a package that is not installed.
    """
    module, _, name = reference.partition(":")
    return getattr(load(module), name)


def tabs(page: str, study: Any = None) -> dict[str, Any]:
    """Return the functions that draw the tabs that plugins add to a page, by label.

    Args:
        page: its title, in lower case.
        study: the model on its data; tabs that have nothing to show of it are left out.
    """
    return {
        tab.name: load_name(tab.draw)
        for tab in entries("tabs")
        if tab.page == page and (study is None or not tab.fits or load_name(tab.fits)(study))
    }


def tab_names(page: str) -> list[str]:
    """Return the labels of the tabs that plugins add to a page."""
    return [tab.name for tab in entries("tabs") if tab.page == page]


def _own_plugins() -> Iterator[Plugin]:
    folder = Path(__file__).parent / "plugins"
    for module in pkgutil.iter_modules([str(folder)]):
        yield importlib.import_module(f"{GROUP}.{module.name}").PLUGIN


def _installed_plugins() -> Iterable[Plugin]:
    for point in entry_points(group=GROUP):
        try:
            yield point.load()
        except Exception as error:  # whatever another distribution raises
            warnings.warn(
                f"Plugin {point.name} cannot be imported, so it is left out: {error!r}",
                stacklevel=2,
            )
