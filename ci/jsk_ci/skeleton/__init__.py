"""``jsk new``: a new experiment's repository, ready to push.

``wishes`` says what it is to be, ``files`` and ``locks`` what is in it, ``making`` makes it, and ``gitlab``
brings it to a GitLab server. The files themselves are in ``jsk_ci/new``.
"""
