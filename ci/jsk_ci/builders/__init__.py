"""What builds, keeps, starts and pushes images: a Docker engine with BuildKit, or buildah without one."""
