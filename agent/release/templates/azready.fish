# fish completion for azready, made of the tables of its help.

# __azready_at WORD ..: whether these are the words so far that are no options, nor their values.
function __azready_at
    set -l words
    set -l is_value no
    for word in (commandline -opc)[2..-1]
        if test $is_value = yes
            set is_value no
            continue
        end
        switch $word
            @TAKING@
            case '-*'
            case '*'
                set -a words $word
        end
    end
    test "$words" = "$argv"
end

complete -c azready -f
complete -c azready -l help -d 'an overview'
complete -c azready -l version -d 'the version'
@LINES@
