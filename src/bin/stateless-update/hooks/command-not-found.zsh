# Says which bundle has a command that is not installed, from what the last search has kept; asks no network.
command_not_found_handler() {
    stateless-update command-not-found "$1" >&2 2>/dev/null || printf 'zsh: command not found: %s\n' "$1" >&2
    return 127
}
