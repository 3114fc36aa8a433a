"""Removing trials and experiments from sight, and bringing them back."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress

from jsk_saver.tracking import trash
from jsk_saver.tracking.browsing import Trials
from jsk_saver.tracking.trash import Deleted


class Tidying(Trials):
    """What :class:`jsk_saver.Experiment` can do to get rid of trials."""

    def delete(self, name: str = "", *, yes: bool = False) -> Deleted:
        """Move a trial, or the whole experiment, to the trash; :meth:`restore` brings it back.

        Nothing is deleted elsewhere: versions that trials saved stay in the store, copies in SageMaker and
        MLflow stay there, and what is returned says which. What was not sent yet waits until it is restored.
        Trials nested in it stay. A pull does not bring it back.

        Parameters
        ----------
        name
            The trial; the experiment with all its trials without one.
        yes
            Do not ask. Without it the person at the notebook or terminal is asked; where there is none,
            as in a script, nothing is deleted.

        Raises
        ------
        NotFound
            If there is none.
        TrialRunning
            If it still runs.
        NotAgreed
            If the answer is no, or nobody can be asked.

        Examples
        --------
        >>> experiment.trial("typo").finish()
        >>> experiment.delete("typo", yes=True)
        iris-kmeans/typo is deleted (1 trial); restore brings it back.
        >>> experiment.restore("typo")
        ['typo']
        """
        return trash.delete(self.journal, self.name, name, yes=yes)

    def restore(self, name: str = "") -> list[str]:
        """Bring back a deleted trial, or the whole experiment, and return the trials that are there again.

        Parameters
        ----------
        name
            The trial; the experiment without one. Of several of a name it is the one deleted last.

        Raises
        ------
        NotFound
            If there is none in the trash.
        TrialExists
            If there is another one of its name by now.
        """
        return trash.restore(self.journal, self.name, name)

    def deleted(self) -> list[str]:
        """Return the names of the trials in the trash, the last deleted last."""
        return trash.deleted(self.journal, self.name)

    def _folders(self) -> Iterator[os.DirEntry[str]]:
        with suppress(FileNotFoundError):  # deleted: it has none
            yield from super()._folders()
