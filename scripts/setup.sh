#!/bin/sh
# Make `.venv` ready: scripts/setup.sh run | dev
#
# Everything comes from the hashed files in requirements/. What is already there is not touched: copies of the installed
# lock files in .venv/.stamps tell, so that a second call needs no network and well under a second.
set -eu
cd "$(dirname "$0")/.."
root=$(pwd)
kind=${1:?say which environment: run or dev}
stamps=.venv/.stamps

say() { printf '%s\n' "$*" >&2; }
fail() { say "$@"; exit 1; }
is_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }
apt() {
    say "Installing $* with apt."
    { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@"; } \
        </dev/null >build/apt.log 2>&1 || { tail -n 20 build/apt.log >&2; return 1; }
}

is_usable() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

# Prints the first interpreter that runs and is new enough; a shim that only prints an error does not count.
find_python() {
    for name in ${PYTHON:-} python3 python3.13 python3.12 python3.11 python3.14; do
        if command -v "$name" >/dev/null && is_usable "$name"; then
            command -v "$name"
            return 0
        fi
    done
    return 1
}

make_venv() {
    python=$(find_python) || {
        is_root || fail "Python 3.11 or newer is needed. On Debian or Ubuntu: sudo apt-get install python3 python3-venv"
        apt python3 python3-venv || fail "Python could not be installed."
        python=$(find_python) || { apt python3.11 python3.11-venv && python=$(find_python); } \
            || fail "Python 3.11 or newer is needed, and this system's packages have none."
    }
    # Debian keeps the part that puts pip into an environment in a package of its own.
    if ! "$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then
        package=$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
        is_root || fail "This Python cannot make environments. Run: sudo apt-get install $package"
        apt "$package" || fail "$package could not be installed."
    fi
    say "Making .venv with $("$python" --version)."
    rm -rf .venv
    "$python" -m venv .venv
}

# An account without a home folder, or with one that cannot be written, gets its download caches in .venv.
place_caches() {
    if [ -z "${HOME:-}" ] || ! mkdir -p "$HOME/.cache" 2>/dev/null || ! [ -w "$HOME/.cache" ]; then
        export UV_CACHE_DIR="${UV_CACHE_DIR:-$root/.venv/.cache/uv}"
        export PIP_CACHE_DIR="${PIP_CACHE_DIR:-$root/.venv/.cache/pip}"
        export npm_config_cache="${npm_config_cache:-$root/.venv/.cache/npm}"
    fi
}

# uv does not read pip's configuration; a machine that is set up for pip alone should work all the same.
borrow_from_pip() {
    if [ -z "${UV_DEFAULT_INDEX:-}${UV_INDEX_URL:-}" ]; then
        index=${PIP_INDEX_URL:-$(.venv/bin/python -m pip config get global.index-url 2>/dev/null || true)}
        [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
    fi
    if [ -z "${SSL_CERT_FILE:-}" ]; then
        certificate=${PIP_CERT:-$(.venv/bin/python -m pip config get global.cert 2>/dev/null || true)}
        [ -z "$certificate" ] || export SSL_CERT_FILE="$certificate"
    fi
}

is_installed() { cmp -s "requirements/$1.txt" "$stamps/$1.txt"; }

# Installing adds and upgrades but never removes, so that `make run` leaves the tools of `make test` in place.
install_locked() {
    if is_installed "$1"; then
        return
    fi
    if ! is_installed bootstrap; then
        say "Installing uv."
        .venv/bin/python -m pip --version >/dev/null 2>&1 || .venv/bin/python -m ensurepip >/dev/null
        .venv/bin/python -m pip install -q --disable-pip-version-check --no-input --no-deps --require-hashes \
            -r requirements/bootstrap.txt
        cp requirements/bootstrap.txt "$stamps/bootstrap.txt"
    fi
    borrow_from_pip
    say "Installing the packages of requirements/$1.txt."
    # Without bytecode the application is compiled at every start where PYTHONDONTWRITEBYTECODE is set: +3 seconds.
    .venv/bin/uv pip install -q --python .venv/bin/python --compile-bytecode --require-hashes \
        -r "requirements/$1.txt" || {
        say "uv could not install them; trying pip, which takes longer."
        .venv/bin/python -m pip install -q --disable-pip-version-check --no-input --no-deps --require-hashes \
            -r "requirements/$1.txt"
    }
    cp "requirements/$1.txt" "$stamps/$1.txt"
}

# The project itself is not built, which would need a build backend: a path file makes it importable from anywhere, and
# the command is two lines of Python behind two lines of shell (an interpreter line must not hold blanks).
install_command() {
    packages=$(echo .venv/lib/python3*/site-packages)
    if [ "$(cat "$packages/care-marketplace.pth" 2>/dev/null)" = "$root" ] && [ -x .venv/bin/marketplace ]; then
        return
    fi
    cat >.venv/bin/marketplace <<END
#!/bin/sh
'''exec' "$root/.venv/bin/python" "\$0" "\$@"
' '''
import sys
from marketplace.web.cli import main
sys.exit(main())
END
    chmod +x .venv/bin/marketplace
    printf '%s\n' "$root" >"$packages/care-marketplace.pth"
}

has_node() {
    command -v npm >/dev/null && node -e 'process.exit(process.versions.node.split(".")[0] < 20)' >/dev/null 2>&1
}

mkdir -p build
# Two calls at once (make run beside make test) must not install over each other.
if command -v flock >/dev/null; then
    exec 9>build/.setup.lock
    flock 9
fi

# An environment that was moved or whose interpreter is gone cannot be mended: its scripts hold absolute paths. One that
# somebody else made here is used as it is.
if ! is_usable .venv/bin/python || [ "$(cat "$stamps/root" 2>/dev/null || echo "$root")" != "$root" ]; then
    make_venv
fi
mkdir -p "$stamps"
printf '%s\n' "$root" >"$stamps/root"
place_caches
install_locked run
if [ "$kind" = dev ]; then
    install_locked dev
fi
install_command
has_node || install_locked node
.venv/bin/python -m compileall -q marketplace search || say "The sources could not be compiled here; starts are slower."
.venv/bin/python -m marketplace.web.assets.build
