"""`deployer analyser`: Microsoft's own analyser of KQL, which `check` uses where it is installed."""

import click


@click.group()
def analyser() -> None:
    """Microsoft's own KQL analyser, for `check`."""


@analyser.command()
def install() -> int:
    """Fetch it by npm, and keep it where `check` finds it.

    \b
    npm's own settings say from where. The two files that are needed are held against known digests and put into this
    Python environment, or into the folder that DEPLOYER_ANALYSER names. Nothing of the package is executed.

    \b
    Example:
      deployer analyser install
    """
    from deployer.cli.common import complaint
    from deployer.engines import analyser
    from deployer.errors import CannotStart

    try:
        folder = analyser.find() or analyser.install()
    except CannotStart as error:
        raise complaint(error) from None
    click.echo(f"{analyser.PACKAGE} {analyser.VERSION} is in {folder}")
    return 0
