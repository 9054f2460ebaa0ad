# bash completion for varve: `varve __complete` prints one candidate a line, the word's meaning after a tab.
_varve() {
  local word=${COMP_WORDS[COMP_CWORD]} IFS=$'\n'
  # Colons split words in bash; the last piece is what must be replaced.
  local line=${COMP_LINE:0:COMP_POINT} words
  read -r -a words <<<"$line"
  [[ $line == *[[:space:]] ]] && words+=("")
  local full=${words[${#words[@]}-1]}
  local candidates
  candidates=$(IFS=' ' varve __complete "${words[@]:1}" 2>/dev/null | cut -f1)
  COMPREPLY=($(compgen -W "$candidates" -- "$full"))
  if [[ $full == *:* && $COMP_WORDBREAKS == *:* ]]; then
    local head=${full%"${full##*:}"}
    COMPREPLY=("${COMPREPLY[@]#"$head"}")
  fi
  [[ ${#COMPREPLY[@]} -eq 0 ]] && COMPREPLY=($(compgen -f -- "$word"))
}
complete -o nosort -F _varve varve
