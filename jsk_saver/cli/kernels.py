"""``jsk kernels``: kernel images as kernels of the local Jupyter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from jsk_saver.cli.session import JsonOption, Session
from jsk_saver.display import Column
from jsk_saver.errors import NotFound, QueryError
from jsk_saver.terminal import note, say, say_table

if TYPE_CHECKING:
    from jsk_ci.local_kernels.engine import Engine, LocalImage
    from jsk_ci.local_kernels.specs import Installed

app = typer.Typer(no_args_is_help=True, help="Kernel images as kernels of the local Jupyter.")

DryRun = Annotated[bool, typer.Option("--dry-run", help="Tell what would be done, and do nothing.")]


@app.command()
def install(
    context: typer.Context,
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="IMAGE",
            help="Kernel images; fetched if they are not here. Default: the newest of each kernel.",
            show_default=False,
        ),
    ] = None,
    name: Annotated[
        str | None, typer.Option(help="Jupyter's name for it. Default: jsk-KERNEL.", show_default=False)
    ] = None,
    dry_run: DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Let the local Jupyter start kernels in images: with your home folder and store, as you."""
    from jsk_ci.local_kernels import specs
    from jsk_ci.local_kernels.engine import Engine

    session = Session(context, None, as_json)
    engine = Engine.find()
    chosen = [engine.image(text) for text in images] if images else _newest(engine)
    if name and len(chosen) != 1:
        raise QueryError(
            "--name is for one image.", hint=f"jsk kernels install {chosen[0].shown} --name {name}"
        )
    planned = [(specs.plan(image, engine, name), image.identity.name) for image in chosen]
    _check_apart([kernel for kernel, _ in planned])
    if not dry_run:
        for kernel, kernel_name in planned:
            specs.write(kernel, kernel_name)
    if session.answer([{**kernel.to_dict(), "written": not dry_run} for kernel, _ in planned]):
        return
    _say([kernel for kernel, _ in planned])
    note("Nothing was written." if dry_run else "They are in Jupyter's launcher now; reload its page.")


def _newest(engine: Engine) -> list[LocalImage]:
    found: dict[str, LocalImage] = {}
    for image in engine.kernel_images():
        if image.names or image.pinned != image.identifier:  # the rest is what newer builds left
            found.setdefault(image.identity.name, image)
    if not found:
        raise NotFound(
            "This machine's engine has no kernel image.",
            hint="jsk kernels install REGISTRY/REPOSITORY:TAG    # which fetches it",
        )
    return list(found.values())


def _check_apart(kernels: list[Installed]) -> None:
    seen: dict[str, Installed] = {}
    for kernel in kernels:
        if kernel.name in seen:
            raise QueryError(
                f"{kernel.image} and {seen[kernel.name].image} would both be the kernel {kernel.name!r}.",
                hint=f"jsk kernels install {kernel.image} --name {kernel.name}-2",
            )
        seen[kernel.name] = kernel


@app.command(name="list")
def list_(
    context: typer.Context,
    images: Annotated[bool, typer.Option("--images", help="The images that are here instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show which kernels run in images, and whether the images are here."""
    from jsk_ci.local_kernels import specs
    from jsk_ci.local_kernels.engine import Engine

    session = Session(context, None, as_json)
    if images:
        _list_images(session, Engine.find().kernel_images())
        return
    kernels = specs.installed()
    here = {kernel.name: Engine(kernel.engine).has(kernel.identifier) for kernel in kernels}
    if session.answer([{**kernel.to_dict(), "here": here[kernel.name]} for kernel in kernels]):
        return
    if kernels:
        _say(kernels, here)
    else:
        note("No kernel runs in an image yet.\n  Next: jsk kernels install")


def _list_images(session: Session, images: list[LocalImage]) -> None:
    rows = [
        {
            "kernel": image.identity.name,
            "kind": image.identity.kind,
            "image": image.shown,
            "fingerprint": image.identity.fingerprint,
            "pinned": image.pinned,
            "created": image.created,
        }
        for image in images
    ]
    if not session.answer(rows):
        columns = [Column("kernel"), Column("kind"), Column("image", "path", narrowest=20)]
        shown = [{**row, "fingerprint": row["fingerprint"][:24]} for row in rows]
        say_table([*columns, Column("fingerprint", "code", narrowest=12)], shown)


@app.command()
def remove(
    context: typer.Context,
    names: Annotated[
        list[str] | None,
        typer.Argument(metavar="KERNEL", help="As jsk kernels list names them.", show_default=False),
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All that run in images.")] = False,
    dry_run: DryRun = False,
    as_json: JsonOption = False,
) -> None:
    """Remove kernels that run in images from the local Jupyter; the images stay."""
    from jsk_ci.local_kernels import specs

    session = Session(context, None, as_json)
    known = {kernel.name: kernel for kernel in specs.installed()}
    wanted = list(known) if every else list(dict.fromkeys(names or []))
    if not wanted and not every:
        raise QueryError(
            "Which kernel?", hint=f"jsk kernels remove {next(iter(known))}" if known else "jsk kernels list"
        )
    missing = [name for name in wanted if name not in known]
    if missing:
        raise NotFound(f"No kernel {missing[0]!r} runs in an image.", hint="jsk kernels list")
    if not dry_run:
        for name in wanted:
            specs.remove(known[name])
    if not session.answer([{**known[name].to_dict(), "removed": not dry_run} for name in wanted]):
        for name in wanted:
            say(f"{'would remove' if dry_run else 'removed'} {name}")


def _say(kernels: list[Installed], here: dict[str, bool] | None = None) -> None:
    columns = [
        Column("kernel"),
        Column("shown as", narrowest=12),
        Column("image", "path", narrowest=20),
        Column("fingerprint", "code", narrowest=12, optional=True),
    ]
    rows = [[kernel.name, kernel.display_name, kernel.image, kernel.fingerprint[:24]] for kernel in kernels]
    if here is not None:
        columns.append(Column("state"))
        for row, kernel in zip(rows, kernels, strict=True):
            row.append("here" if here[kernel.name] else "its image is gone")
    say_table(columns, rows)
