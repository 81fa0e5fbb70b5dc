# Completion of pims-sync for bash 3.2 or newer:
#   source <(pims-sync completion bash)

_pims_sync() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("${line%%$'\t'*}")
    done < <("$1" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -F _pims_sync pims-sync
