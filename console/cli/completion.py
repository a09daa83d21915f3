"""``entrakeep completion``: scripts that let a shell complete commands. typer answers their requests."""

from enum import StrEnum
from typing import Annotated

import typer
from typer.completion import completion_init  # type: ignore[attr-defined]  # registers the shells that typer answers

from console.cli.arguments import examples
from console.cli.output import print_line

app = typer.Typer()
completion_init()

_BASH = """\
_entrakeep() {
    local IFS=$'\\n'
    COMPREPLY=($(
        env COMP_WORDS="${COMP_WORDS[*]}" COMP_CWORD=$COMP_CWORD _ENTRAKEEP_COMPLETE=complete_bash "$1" 2> /dev/null
    ))
}
complete -o default -F _entrakeep entrakeep"""

_ZSH = """\
#compdef entrakeep
_entrakeep() {
    eval "$(env _TYPER_COMPLETE_ARGS="${words[1,$CURRENT]}" _ENTRAKEEP_COMPLETE=complete_zsh "${words[1]}" 2> /dev/null)"
}
if [[ ${funcstack[1]} == _entrakeep ]]; then _entrakeep; else compdef _entrakeep entrakeep; fi"""

_FISH = """\
function __entrakeep
    env _ENTRAKEEP_COMPLETE=complete_fish _TYPER_COMPLETE_FISH_ACTION=$argv[1] \\
        _TYPER_COMPLETE_ARGS=(commandline -cp) entrakeep 2> /dev/null
end
complete --command entrakeep --no-files --condition '__entrakeep is-args' --arguments '(__entrakeep get-args)'"""


class Shell(StrEnum):
    """A shell that can complete commands."""

    BASH = "bash"
    ZSH = "zsh"
    FISH = "fish"


_SCRIPTS = {Shell.BASH: _BASH, Shell.ZSH: _ZSH, Shell.FISH: _FISH}


@app.command(
    epilog=examples(
        "entrakeep completion bash > ~/.local/share/bash-completion/completions/entrakeep",
        "entrakeep completion zsh > ~/.zfunc/_entrakeep   # fpath+=(~/.zfunc) before compinit",
        "entrakeep completion fish > ~/.config/fish/completions/entrakeep.fish",
    )
)
def completion(shell: Annotated[Shell, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")]) -> None:
    """Print a script for shell completion.

    It completes commands, options and tenants' names. Put it where the shell looks for it. It takes effect in the next shell.
    """
    print_line(_SCRIPTS[shell])
