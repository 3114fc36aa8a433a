"""From what Terraform made to the settings of a project: read, written, and tried once.

:mod:`~jsk_saver.configuring.outputs` reads what ``terraform output -json`` says,
:mod:`~jsk_saver.configuring.planning` decides what changes in which file,
:mod:`~jsk_saver.configuring.toml_lines` changes those lines and no other, and
:mod:`~jsk_saver.configuring.platform` is how it is read again.
"""
