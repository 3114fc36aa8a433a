"""An experiment: a question, and the trials that answer it."""

from __future__ import annotations

import builtins
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from jsk_saver.settings import REPRODUCE
from jsk_saver.tracking import about, active, seeds, starting, state
from jsk_saver.tracking.journal import layout
from jsk_saver.tracking.journal.segment import explain
from jsk_saver.tracking.ranking import Goal, check_goals
from jsk_saver.tracking.tidying import Tidying
from jsk_saver.tracking.trial import Trial

if TYPE_CHECKING:
    from jsk_saver.saver import Saver
    from jsk_saver.tracking.autolog import Autolog
    from jsk_saver.tracking.pulling import Pulled
    from jsk_saver.tracking.reproduce import Verdict

_Function = TypeVar("_Function", bound=Callable[..., Any])


class Experiment(Tidying):
    """A question and its trials: created when it is new, loaded when it is known.

    Parameters
    ----------
    name
        Letters, digits and inner hyphens; at most 120 characters.
    description
        What is asked; kept as it is without one.
    tags
        What else there is to say, as names and values.
    goals
        Which way metrics are to go: ``{"inertia": "min", "accuracy": "max"}``.
    sinks
        Where trials are copied to, in the background: ``"sagemaker"``, ``"mlflow"``, ``"mlflow:http://…"``,
        ``"store"``. What the setting of that name says without them; where it says nothing, to the store, if
        that is on S3: then others can :meth:`pull` them. ``sinks=()`` sends them nowhere.
        A text is read as in the setting, with commas between several.
    saver
        Where its objects go; the ready-made ``saver`` without one. The journal is in that saver's home.

    Raises
    ------
    InvalidName
        If the name does not fit.

    Examples
    --------
    >>> experiment = Experiment("iris-kmeans", description="How many clusters?", saver=saver)
    >>> for k in (2, 5):
    ...     with experiment.trial(k=k) as trial:
    ...         trial.log_metric("inertia", 100 / k)
    >>> [(known.params["k"], known.metrics["inertia"].last) for known in experiment.trials()]
    [(2, 50.0), (5, 20.0)]
    """

    def __init__(
        self,
        name: str,
        description: str = "",
        tags: Mapping[str, Any] | None = None,
        *,
        goals: Mapping[str, str] | None = None,
        sinks: str | Sequence[str] | None = None,
        saver: Saver | None = None,
    ) -> None:
        saver = saver or _ready_made()
        super().__init__(layout.check_name(name, "experiment"), _journal(saver, name))
        self.saver = saver
        self.sinks = about.sinks(sinks, saver.settings)
        description, said, wanted = about.checked(description, tags, goals)
        self._create_or_load(description, said, check_goals(wanted))

    def _create_or_load(self, description: str, tags: dict[str, Any], goals: dict[str, Goal]) -> None:
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            said = about.load(self.folder)
            new: dict[str, Any] = {"name": self.name, "created": time.time(), **said}
            new["description"] = description or said.get("description", "")
            new["tags"] = said.get("tags", {}) | tags
            new["goals"] = said.get("goals", {}) | goals
            if new != said:
                about.replace(self.folder, new)
        except OSError as error:
            raise explain(error, self.folder) from error
        self.description: str = new["description"]
        self.tags: dict[str, Any] = new["tags"]
        self.goals = new["goals"]

    # Trials -----------------------------------------------------------------------------------------

    def trial(
        self,
        name: str = "",
        /,
        *,
        parent: Trial | None = None,
        resume: bool = False,
        seed: int | None = None,
        links: Mapping[str, Any] | None = None,
        params: Mapping[str, Any] | None = None,
        **more: Any,
    ) -> Trial:
        """Start a trial.

        Parameters
        ----------
        name
            Without one, it is named after the moment it starts. ``name=`` would be a parameter.
        parent
            The trial it is nested in; the one whose ``with`` block this is called in without one.
        resume
            Whether to go on with a trial of that name, if there is one. Where there is none, but one that is
            spelled alike, it begins with a warning.
        seed
            Seeds ``random``, NumPy and PyTorch, where they are there, and is noted.
        links
            Other trials it has to do with, such as the one it reproduces.
        params, **more
            Its parameters: as a dictionary, by keyword, or some each way. Those that are called like an
            option of this method go into the dictionary: ``params={"seed": 7}`` is a parameter, and seeds
            nothing.

        Returns
        -------
        Trial
            It runs from now on; leave its ``with`` block, or call ``finish``.

        Raises
        ------
        TrialExists
            If there is a trial of that name, and ``resume`` does not say to go on with it.
        InvalidMetadata
            If an option is not what it should be, or the trial that is resumed has other parameters. Nothing
            has begun then.

        Examples
        --------
        >>> with experiment.trial(k=5, params={"seed": 7, "learning rate": 0.1}) as trial:
        ...     trial.params
        {'seed': 7, 'learning rate': 0.1, 'k': 5}
        """
        chosen = starting.merged(params, more)
        starting.check_options(name, parent=parent, resume=resume, links=links, params=chosen)
        if seed is not None:
            seeds.plant(seed)
        if os.environ.get(REPRODUCE):
            from jsk_saver.tracking.reproduce import child

            name, links = child.place(self.name, name, chosen, links)
        if not self.folder.is_dir():  # deleted since
            self._create_or_load(self.description, self.tags, self.goals)
        folder, is_new = starting.make_folder(self.folder, name, resume=resume)
        if resume and is_new:
            starting.warn_of_alike(folder.name, [entry.name for entry in self._folders()])
        before = None if is_new else state.read(folder)
        if before is not None:
            starting.refuse_others(folder.name, before.params, chosen)
        outer = parent or active.surrounding()
        nested = outer.name if outer is not None and outer.experiment.name == self.name else ""
        trial = Trial(self, folder, parent=nested if nested != folder.name else "", links=links)
        try:
            self._begin(trial, before, chosen, seed)
        except BaseException as error:  # nobody has it, to end it
            trial.finish_after(error)
            raise
        return trial

    def _begin(
        self, trial: Trial, before: state.TrialState | None, params: dict[str, Any], seed: int | None
    ) -> None:
        from jsk_saver.tracking import surroundings

        self._announce(trial)
        if before is not None:
            trial.resume(before)
        if params:
            trial.log_params(params)
        surroundings.note(trial, seed)

    def track(self, function: _Function) -> _Function:
        """Make each call of a function a trial: its arguments are the parameters.

        What it returns is logged as metrics where it is a dictionary of numbers. Inside,
        ``Experiment.current()`` is the trial. That of a coroutine begins when it is awaited and ends when it
        returns; that of a generator, from its first item to its last, is stopped if it is closed before.

        Examples
        --------
        >>> @experiment.track
        ... def train(k):
        ...     return {"inertia": 100 / k}
        >>> train(4)
        {'inertia': 25.0}
        """
        from jsk_saver.tracking.tracked import tracked

        return tracked(self, function)

    @staticmethod
    def list(*, saver: Saver | None = None) -> builtins.list[about.Known]:
        """Return the experiments that there are, by name, each with how many trials it has.

        Parameters
        ----------
        saver
            In whose home; that of the ready-made ``saver`` without one.

        Examples
        --------
        >>> experiment.trial("one").finish()
        >>> [(known.name, known.trials) for known in Experiment.list(saver=saver)]
        [('iris-kmeans', 1)]
        """
        return about.every((saver or _ready_made()).settings.home / "journal")

    @staticmethod
    def current() -> Trial | None:
        """Return the trial that is running here, if one is."""
        return active.current()

    def autolog(self, *, plots: bool = True, children: int = 5) -> Autolog:
        """Log what scikit-learn's estimators do in trials of this experiment, from now on.

        A ``fit`` outside any trial becomes one of its own. It ends with the ``with`` block, or ``off()``; see
        :class:`jsk_saver.tracking.autolog.Autolog`.

        Examples
        --------
        >>> from sklearn.cluster import KMeans
        >>> with experiment.autolog():
        ...     _ = KMeans(3, random_state=0, n_init=1).fit([[0.0], [1.0], [5.0], [6.0]])
        >>> experiment.trials()[-1].params["n_clusters"]
        3
        """
        from jsk_saver.tracking.autolog import autolog

        return autolog(experiment=self, plots=plots, children=children)

    # From elsewhere, and again -------------------------------------------------------------------------

    def pull(self, source: str = "store") -> Pulled:
        """Bring in trials that others tracked, or you elsewhere: whatever this journal lacks of them.

        From then on they are among :meth:`trials` and in :meth:`compare`, which say where they come from:
        read-only copies, which are sent nowhere. Pulled again, those that went on since are brought up to
        date.

        Parameters
        ----------
        source
            ``"store"``: what the sink of that name of others brought to the saver's store.
            ``"sagemaker"``: the trials of the experiment of this name in the AWS account.
            ``"mlflow"``, ``"mlflow:http://…"``: the runs of the experiment of this name in MLflow.

        Returns
        -------
        Pulled
            What is new, and what had gone on.
        """
        from jsk_saver.tracking.pulling import pull

        return pull(self, source)

    def learn(self, said: Mapping[str, Any]) -> None:
        """Take over what others say of the experiment where nothing is said here."""
        tags, goals = (dict(said.get(what) or {}) for what in ("tags", "goals"))
        self._create_or_load(
            self.description or str(said.get("description") or ""),
            {name: tags[name] for name in tags.keys() - self.tags.keys()},
            {name: goals[name] for name in goals.keys() - self.goals.keys() if goals[name] in ("min", "max")},
        )

    def reproduce(self, name: str, **options: Any) -> Verdict:
        """Run a trial again from its record, and say whether the same came out.

        A worktree at its commit with its uncommitted changes, an environment with its packages, the versions
        it had read: then its notebook or script runs, and the new trial is linked to it (``reproduces``).
        Other trials of the program are not kept, but those nested in it. No file name gets another newest
        version: what has the same bytes is the version that was saved then; what differs lies in a store of
        the run's own, which the verdict names (``places``).

        Parameters
        ----------
        name
            The trial.
        **options
            ``tolerance`` (relative or absolute, of metrics; 0), ``environment`` (``"auto"``, ``"here"``,
            ``"venv"``, ``"image"``), ``repository`` (where the commit is), ``keep`` (a folder for what ran),
            ``anyway`` (go on though something is missing).

        Raises
        ------
        CannotReproduce
            If something is missing: each is named, and nothing has run.
        RunFailed
            If the program fails.
        """
        from jsk_saver.tracking.reproduce import reproduce

        return reproduce(self, name, **options)

    def _announce(self, trial: Trial) -> None:
        """Have the trial copied to the sinks, while it runs and after."""
        if not self.sinks:
            return
        from jsk_saver.tracking.sinks import courier, pending

        settings = {"store": self.saver.store.uri, **self.saver.connection.overrides}
        settings = {name: str(value) for name, value in settings.items() if value is not None}
        pending.add(self.journal, pending.Pending(self.name, trial.name, self.sinks, settings))
        if not os.environ.get(REPRODUCE):  # what is kept of such a run is sent from where it is kept
            courier.ensure(self.journal)


def _journal(saver: Saver, name: str) -> Path:
    """Return the journal; in a run that reproduces, one of its own."""
    journal = saver.settings.home / "journal"
    if not os.environ.get(REPRODUCE):
        return journal
    from jsk_saver.tracking.reproduce import child

    return child.journal(journal, name)


def _ready_made() -> Saver:
    from jsk_saver import saver

    return saver
