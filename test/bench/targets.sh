# The targets of test/bench/run, a function each; to be sourced, not run.
#
# What is compared takes turns; numbers go through files in $WORK, a line a
# round. What run prints in the end is in "table", "details" and "changes".

FLOOR="SELECT count(*) FROM bench_requests WHERE jsonb_exists(ctx, 'x')"
CHECK="SELECT count(*) FROM bench_requests WHERE abac_check(user_id, action, resource, ctx)"
FEW_ROWS=425                    # that PL/pgSQL is asked about: five of each
OBVIOUS="SELECT count(*) FROM (SELECT * FROM bench_requests LIMIT $FEW_ROWS) few WHERE obvious.decide(user_id, action, resource, ctx)"
FIRST_CHECK="SELECT abac_check('user-1', 'read', 'doc:1', '{\"scope\": {\"organization\": \"org\"}, \"env\": {\"ip\": \"10.1.1.1\"}}')"
FIRST_JOIN="SELECT EXISTS (SELECT FROM app_users u JOIN app_members m ON m.user_id = u.id JOIN app_docs d ON d.org_id = m.org_id WHERE u.id = 'user-1' AND d.id = 'doc-1')"

# With commas, as a person writes it.
number()
{
    sed -e ':again' -e 's/\([0-9]\)\([0-9]\{3\}\)\b/\1,\2/' -e 't again' <<<"$1"
}

# Three digits of a number, or all that are before the point.
digits()
{
    number "$(awk -v n="$1" 'BEGIN {printf((n >= 100 ? "%.0f" : n >= 10 ? "%.1f" : "%.2f"), n)}')"
}

# What an expression of awk makes of each line of a file.
#   each FILE EXPRESSION
each()
{
    awk "{print $2}" "$WORK/$1"
}

# The median of that.
middle()
{
    digits "$(each "$1" "$2" | sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}')"
}

# A line of the table, of the same.
#   judge TARGET FILE EXPRESSION "<="|">=" LIMIT [UNIT]
judge()
{
    local name=$1 limit=$5 unit=${6:+ $6} sign=≤ spread='' rounds least median most verdict

    [ "$4" = '<=' ] || sign=≥
    read -r rounds least median most < <(each "$2" "$3" | sort -g |
        awk '{v[NR] = $1} END {print NR, v[1], v[int((NR + 1) / 2)], v[NR]}')
    [ "$rounds" = 1 ] || spread="$(digits "$least") – $(digits "$most")"
    verdict=$(awk "BEGIN {print ($median $4 $limit ? \"ok\" : \"missed\")}")
    printf '| %s | %s%s | %s %s%s | %s | %s |\n' "$name" "$(digits "$median")" "$unit" $sign "$limit" "$unit" "$spread" "$verdict" >>"$WORK/table"
}

detail()
{
    printf -- '- %s\n' "$1" >>"$WORK/details"
}

# Calls a function with A and with B, which take turns in going first; both
# answers are a line.
#   take_turns ROUNDS A B FUNCTION [MORE]
take_turns()
{
    local rounds=$1 a=$2 b=$3 function=$4 of_a of_b i
    shift 4

    for i in $(seq "$rounds"); do
        if [ $((i % 2)) = 0 ]; then
            of_a=$("$function" "$a" "$@")
            of_b=$("$function" "$b" "$@")
        else
            of_b=$("$function" "$b" "$@")
            of_a=$("$function" "$a" "$@")
        fi
        echo "$of_a $of_b"
    done
}

# Milliseconds of statements in a new session, which has done others before.
#   milliseconds DATABASE BEFORE STATEMENT...
milliseconds()
{
    local database=$1 before=$2
    shift 2

    { printf '%s;\n\\timing on\n' "$before" && printf '%s;\n' "$@"; } |
        "$BINDIR/psql" -X -At -v ON_ERROR_STOP=1 -d "$database" | sed -n 's/^Time: \([0-9.]*\) ms.*/\1/p' | paste -sd ' '
}

# ---- warm checks

# Milliseconds of each of some statements, which take turns in a session: the
# least of three, after one that isn't counted.
#   warm DATABASE STATEMENT...
warm()
{
    local database=$1
    shift

    milliseconds "$database" "$(printf '%s;' "$@")" "$@" "$@" "$@" | awk -v n=$# '{
        for (i = 1; i <= n; i++) {
            least = $i
            for (j = i + n; j <= NF; j += n) if ($j < least) least = $j
            printf("%s ", least)
        }
        print ""
    }'
}

# Microseconds a row of the floor and of a warm check.
warm_check()
{
    warm "$1" "$FLOOR" "$CHECK" | awk -v rows="$ROWS" '{print $1 * 1000 / rows, $2 * 1000 / rows}'
}

measure_two_tenants()
{
    for _ in $(seq 9); do
        warm tenants "$FLOOR" "$CHECK" "$OBVIOUS" |
            awk -v rows="$ROWS" -v few=$FEW_ROWS '{print $1 * 1000 / rows, $2 * 1000 / rows, $3 * 1000 / few}'
    done >"$WORK/tenants"
    judge "warm check of two tenants : floor" tenants '$2 / $1' '<=' 4
    judge "PL/pgSQL, the obvious way : warm check" tenants '$3 / $2' '>=' 150
    detail "Two tenants: floor $(middle tenants '$1') µs, check $(middle tenants '$2') µs, PL/pgSQL $(middle tenants '$3') µs."
}

#   measure_flatness WHAT SMALL LARGE     databases
measure_flatness()
{
    take_turns 9 "$2" "$3" warm_check >"$WORK/flatness"
    judge "warm check, $1" flatness '$4 / $2' '<=' 1.3
    detail "$1: $(middle flatness '$4') and $(middle flatness '$2') µs a check, beside floors of $(middle flatness '$3') and $(middle flatness '$1') µs."
}

measure_leaves()
{
    for _ in $(seq 9); do
        warm_check leaves
    done >"$WORK/leaves"
    judge "warm check of 10 policies, 50 leaves asked : floor" leaves '$2 / $1' '<=' 15
    detail "10 policies, 50 leaves: floor $(middle leaves '$1') µs, check $(middle leaves '$2') µs."
}

# ---- transactions

tps()
{
    "$BINDIR/pgbench" -n -M prepared "$@" | sed -n 's/^tps = \([0-9.]*\).*/\1/p'
}

# Transactions a second of a script that is given a request of the two tenants.
#   transactions SCRIPT CLIENTS
transactions()
{
    local user action resource ctx

    IFS=$'\t' read -r user action resource ctx < <("$BINDIR/psql" -X -At -F $'\t' -d tenants \
        -c 'SELECT user_id, action, resource, ctx FROM bench_distinct WHERE id = 1')
    tps -c "$2" -j "$2" -T "$DURATION" -D user="$user" -D action="$action" -D resource="$resource" -D ctx="$ctx" -f "$HERE/$1" tenants
}

measure_transactions()
{
    local clients="$1 clients"

    [ "$1" != 1 ] || clients="1 client"
    take_turns 7 floor_one.sql check_one.sql transactions "$1" >"$WORK/transactions"
    judge "transactions of \`pgbench -M prepared\`, $clients : with \`jsonb_exists\`" transactions '$2 / $1' '>=' 0.9
    detail "pgbench, $clients: $(middle transactions '$2') transactions a second with a check, $(middle transactions '$1') with \`jsonb_exists\`."
}

# ---- new sessions

first_in_session()
{
    milliseconds large 'SELECT 1' "$1"
}

# As where the library is in shared_preload_libraries.
first_with_library()
{
    milliseconds large "LOAD 'abac'" "$1"
}

measure_first()
{
    take_turns 31 "$FIRST_JOIN" "$FIRST_CHECK" first_in_session >"$WORK/first"
    judge "first check of a session : first join of three tables" first '$2 / $1' '<=' 3
    take_turns 31 "$FIRST_JOIN" "$FIRST_CHECK" first_with_library >"$WORK/loaded"
    judge "the same, with the library loaded before" loaded '$2 / $1' '<=' 3
    detail "First in a session, with 10,000 policies and $(number "$USERS") users: check $(middle first '$2') ms, join $(middle first '$1') ms."
}

# ---- memory

# The last number that statements of a session answer.
ask_large()
{
    printf '%s;\n' "$@" | "$BINDIR/psql" -X -q -At -v ON_ERROR_STOP=1 -d large | tail -n 1
}

measure_memory()
{
    local size

    for size in 8 16; do
        ask_large "SET abac.cache_size = '${size}MB'" 'SELECT bench_peak(100000)' >"$WORK/peak"
        judge "most that 100,000 users take : \`abac.cache_size\` of $size MB" peak "\$1 / 1024 / 1024 / $size" '<=' 1
    done
    ask_large "$FIRST_CHECK" "SELECT bench_memory('subjects')" >"$WORK/subject"
    judge "what is kept of one user" subject '$1 / 1024' '<=' 256 kB
    ask_large "SET abac.cache_size = '1GB'" 'SELECT bench_check_users(1, 10000)' "SELECT bench_memory('policies')" >"$WORK/policies"
    judge "10,000 compiled policies" policies '$1 / 1024 / 1024' '<=' 20 MB

    # what a user costs of whom nothing is known, and of whom only the policies are
    milliseconds large "SET abac.cache_size = '1GB'" 'SELECT bench_check_users(1, 10000)' \
        "UPDATE abac_memberships SET expires_at = now() + interval '1 year' WHERE user_id = 'user-1'" \
        'SELECT bench_check_users(1, 10000)' 'SELECT bench_check_users(1, 10000)' |
        awk '{print $1 / 10, $3 / 10, $4 / 10}' >"$WORK/users"
    detail "A user after another, 10,000 of them: $(middle users '$1') µs each when nothing is known, $(middle users '$2') µs after a change of a membership, $(middle users '$3') µs again."
}

# ---- change

# Transactions a second of four sessions that check users 1 ... USERS, and those
# of a fifth that changes the tables of SCHEMA meanwhile.
#   under_change SCHEMA KIND USERS RATE
under_change()
{
    local checks

    # begins before them and ends after
    PGOPTIONS="$PGOPTIONS -c search_path=$1" tps -R "$4" -T $((DURATION + 1)) -D users="$3" -f "$HERE/change_$2.sql" large >"$WORK/fifth" &
    sleep 0.5
    checks=$(tps -c 4 -j 2 -T "$DURATION" -D users="$3" -f $HERE/check_user.sql large)
    wait $!
    echo "$checks $(cat "$WORK/fifth")"
}

#   measure_change KIND RATE LIMIT
measure_change()
{
    local users

    for users in 10 100 $FEW; do
        take_turns 3 plain public under_change "$1" "$users" "$2" >"$WORK/change"
        judge "checks of $(number "$users") users while $2 $1 a second change : undisturbed" change '$3 / $1' '>=' "$3"
        printf '| %s | %s | %s | %s | %s of %s |\n' "$1" "$(number "$users")" \
            "$(middle change '$1')" "$(middle change '$3')" "$(middle change '$4')" "$2" >>"$WORK/changes"
    done
}
