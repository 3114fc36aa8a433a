"""Kernel images as kernels of the local Jupyter: a laptop runs exactly what Studio runs.

``engine`` finds the images that Docker or Podman has, ``specs`` registers them as kernelspecs, ``launcher``
is what Jupyter then starts: it runs the image with what ``container`` says, and ``guard``, inside the
container, sees to it that nothing stays behind.
"""
