# Shared by test/demo, test/all and test/matrix; to be sourced, not run.
#
# Everything happens under one private temporary directory ($WORK), owned by a
# user that may run servers: PostgreSQL and its tests refuse to run as root.

SERVER_USER=postgres            # comes with the server's package
BUILD_WITH=${COPT:-}            # extra compiler flags

# What the tools print is read, so it must not be translated.
export LC_ALL=C.UTF-8
unset LANGUAGE

say()
{
    printf '\n=== %s\n' "$*"
}

die()
{
    printf '%s: %s\n' "${0##*/}" "$*" >&2
    exit 1
}

need_root()
{
    [ "$(id -u)" = 0 ] || die "run this as root: it installs packages and the extension"
    command -v apt-get >/dev/null || die "this needs Debian's apt-get; elsewhere see \"make installcheck\" in README.md"
}

# Is this package installed?
installed()
{
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Install those of the named packages that are missing.
install_missing()
{
    local package missing=()

    for package; do
        installed "$package" || missing+=("$package")
    done
    if [ ${#missing[@]} = 0 ]; then
        echo "Nothing to install."
        return
    fi
    echo "Installing: ${missing[*]}"
    apt-get update -qq
    # Debian makes and starts a cluster with every new server version; nobody
    # asked for one here.
    mkdir -p /etc/postgresql-common/createcluster.d
    echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/abac-test.conf
    local status=0
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >"$WORK/apt.log" 2>&1 || status=$?
    rm -f /etc/postgresql-common/createcluster.d/abac-test.conf
    if [ $status != 0 ]; then
        tail -n 20 "$WORK/apt.log" >&2
        die "apt-get install failed"
    fi
}

# The server version that Debian's "postgresql" means; nothing when apt has no
# lists yet.
debian_version()
{
    apt-cache show --no-all-versions postgresql 2>/dev/null |
        sed -n 's/^Depends:.*postgresql-\([0-9]\+\).*/\1/p' || true
}

# The server version to use: $PG_MAJOR if it is set, else Debian's.
find_version()
{
    PG_MAJOR=${PG_MAJOR:-$(debian_version)}
    if [ -z "$PG_MAJOR" ]; then
        apt-get update -qq
        PG_MAJOR=$(debian_version)
    fi
    [ -n "$PG_MAJOR" ] || die "apt knows no PostgreSQL; set PG_MAJOR"
    BINDIR=/usr/lib/postgresql/$PG_MAJOR/bin
    PG_CONFIG=$BINDIR/pg_config
}

# What it takes to build and run; the tests need some more.
install_build_packages()
{
    find_version
    install_missing build-essential pkg-config libbson-dev \
        "postgresql-$PG_MAJOR" "postgresql-server-dev-$PG_MAJOR" "$@"
}

# $WORK, and its removal when the script ends, however it ends.
make_work_directory()
{
    WORK=$(mktemp -d "/tmp/abac-$1.XXXXXX")
    chmod 755 "$WORK"
    trap remove_work_directory EXIT
    # A signal ends the script through the trap above.
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}

remove_work_directory()
{
    local status=$? data

    for data in "$WORK"/*/postmaster.pid; do
        [ ! -e "$data" ] || stop_cluster "${data%/postmaster.pid}"
    done
    rm -rf "$WORK"
    exit $status
}

as_server_user()
{
    # Not the caller's directory or home: the server user may not enter them.
    (cd "$WORK" && exec setpriv --reuid="$SERVER_USER" --regid="$SERVER_USER" --init-groups \
        env HOME="$WORK" USER="$SERVER_USER" LOGNAME="$SERVER_USER" "$@")
}

# The tree as a tar archive, without what git ignores or a build left.
pack_tree()
{
    tar -C "$(dirname "${BASH_SOURCE[0]}")/.." --exclude=./.git --exclude='*.o' --exclude='*.bc' --exclude='*.so' \
        --exclude=./results --exclude=./output_iso --exclude=./tmp_check --exclude=./log -cf - .
}

# A copy of the tree in $WORK/abac that the server user may write to.
copy_tree()
{
    mkdir "$WORK/abac"
    pack_tree | tar -C "$WORK/abac" --no-same-owner -xf -
    chown -R "$SERVER_USER:" "$WORK/abac"
}

build_and_install()
{
    if ! as_server_user make -C "$WORK/abac" -j"$(nproc)" PG_CONFIG="$PG_CONFIG" COPT="$BUILD_WITH" >"$WORK/make.log" 2>&1; then
        grep -E 'error|warning|\*\*\*' "$WORK/make.log" >&2 || tail -n 20 "$WORK/make.log" >&2
        die "the build failed"
    fi
    make -C "$WORK/abac" -s install PG_CONFIG="$PG_CONFIG" COPT="$BUILD_WITH" >"$WORK/make.log" 2>&1 || {
        tail -n 20 "$WORK/make.log" >&2
        die "make install failed"
    }
    echo "abac is in $("$PG_CONFIG" --pkglibdir) and $("$PG_CONFIG" --sharedir)/extension."
}

# Start a server in $WORK/NAME, reachable by socket only; the rest is initdb's.
start_cluster()
{
    local data=$WORK/$1
    shift

    install -d -o "$SERVER_USER" -g "$SERVER_USER" -m 700 "$data"
    as_server_user "$BINDIR/initdb" -D "$data" -U "$SERVER_USER" --auth=trust --no-sync --lc-messages=C "$@" >"$WORK/initdb.log" || {
        cat "$WORK/initdb.log" >&2
        die "initdb failed"
    }
    # Only those who may enter the directory (its owner and root) find the
    # socket, so it needs no password and its port disturbs nobody.
    cat >>"$data/postgresql.conf" <<END
listen_addresses = ''
unix_socket_directories = '$data'
fsync = off
END
    as_server_user "$BINDIR/pg_ctl" -D "$data" -l "$data/server.log" -w -s start || {
        tail -n 20 "$data/server.log" >&2
        die "the server did not start"
    }
    export PGHOST=$data PGPORT=5432 PGUSER=$SERVER_USER
}

stop_cluster()
{
    as_server_user "$BINDIR/pg_ctl" -D "$1" -m fast -w -s stop || true
}
