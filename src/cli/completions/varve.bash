# bash completion for varve: `varve __complete` prints one candidate a line, the word's meaning after a tab.
_varve() {
  local line=${COMP_LINE:0:COMP_POINT} words head
  IFS=$' \t' read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local last=${words[${#words[@]}-1]}
  mapfile -t COMPREPLY < <(varve __complete "${words[@]:1}" 2>/dev/null | cut -f1)
  if [[ ${#COMPREPLY[@]} -eq 0 ]]; then
    mapfile -t COMPREPLY < <(compgen -f -- "${COMP_WORDS[COMP_CWORD]}")
  elif [[ $last == *:* && $COMP_WORDBREAKS == *:* ]]; then
    # bash breaks words at colons; only the last piece is replaced.
    head=${last%"${last##*:}"}
    COMPREPLY=("${COMPREPLY[@]#"$head"}")
  fi
}
complete -F _varve varve
