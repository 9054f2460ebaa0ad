#compdef varve
# zsh completion for varve: `varve __complete` prints one candidate a line, the word's meaning after a tab.
_varve() {
  local -a candidates
  local line
  while IFS= read -r line; do
    local name=${line%%$'\t'*} about=""
    [[ $line == *$'\t'* ]] && about=${line#*$'\t'}
    candidates+=("${name//:/\\:}${about:+:$about}")
  done < <(varve __complete "${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)
  if (( ${#candidates} )); then
    _describe -t candidates varve candidates
  else
    _files
  fi
}
compdef _varve varve
