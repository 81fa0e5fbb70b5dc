#compdef pims-sync
# Completion of pims-sync for zsh. As a file named _pims-sync in a folder of $fpath, or:
#   source <(pims-sync completion zsh)

_pims_sync() {
    local line
    local -a candidates
    for line in "${(@f)$(${(Q)words[1]} __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
        if [[ -n $line ]]; then
            candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
        fi
    done
    if (( $#candidates )); then
        _describe pims-sync candidates
    else
        _files
    fi
}

if [[ $funcstack[1] == _pims-sync ]]; then
    _pims_sync "$@"
else
    compdef _pims_sync pims-sync
fi
