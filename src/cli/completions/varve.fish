# fish completion for varve: `varve __complete` prints one candidate a line, the word's meaning after a tab.
function __varve_complete
    set -l words (commandline -opc) (commandline -ct)
    varve __complete $words[2..-1] 2>/dev/null
end
complete -c varve -f -a '(__varve_complete)'
complete -c varve -n 'test (count (__varve_complete)) -eq 0' -F
