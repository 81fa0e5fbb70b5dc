# Completion of pims-sync for fish. As pims-sync.fish in ~/.config/fish/completions, or:
#   pims-sync completion fish | source

function __pims_sync_complete
    set -l words (commandline -opc)
    set -l last (commandline -ct)
    set -l candidates ($words[1] __complete $words[2..] "$last" 2>/dev/null)
    if test (count $candidates) -gt 0
        printf '%s\n' $candidates
    else
        __fish_complete_path "$last"
    end
end
complete -c pims-sync --no-files -a '(__pims_sync_complete)'
