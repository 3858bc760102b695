#!/bin/sh
# SPDX-License-Identifier: MIT OR GPL-2.0-only
# What `make install` installs is complete and can be used: the examples are built against it.
cd "$(dirname "$0")/../.." || exit 1
root=$(mktemp -d)
trap 'rm -rf "$root"' EXIT
fails=0

verdict() {
	if [ "$2" -eq 0 ]; then
		echo "ok $1"
	else
		sed 's/^/# /' "$root/log"
		echo "not ok $1"
		fails=1
	fi
}

make install DESTDIR="$root/d" PREFIX=/opt/swivl >"$root/log" 2>&1
verdict installs $?
to=$root/d/opt/swivl

missing=
for f in bin/swivl lib/libswivl.a lib/libswivl.so lib/libswivl.so.0 lib/pkgconfig/swivl.pc \
	include/swivl/swivl.h include/swivl/swivl.hpp include/swivl/abi.h share/man/man1/swivl.1 \
	share/man/man4/swivl.4 lib/swivl/swivl-multiboot; do
	[ -s "$to/$f" ] || missing="$missing $f"
done
echo "missing:$missing" >"$root/log"
[ -z "$missing" ]
verdict complete $?

"$to/bin/swivl" --version >"$root/log" 2>&1 && grep -q "^swivl $(cat VERSION)$" "$root/log"
verdict version $?

export PKG_CONFIG_SYSROOT_DIR="$root/d" PKG_CONFIG_PATH="$to/lib/pkgconfig"
flags=$(pkg-config --cflags --libs swivl)
cc -std=c11 -Wall -Werror -o "$root/c" docs/examples/hello.c $flags >"$root/log" 2>&1
verdict C $?
c++ -std=c++17 -Wall -Werror -o "$root/c++" docs/examples/hello.cpp $flags >"$root/log" 2>&1
verdict C++ $?

# Without a device they must say so, and find the shared library by its soname to do that.
SWIVL_DEVICE=/dev/none LD_LIBRARY_PATH="$to/lib" "$root/c" >"$root/log" 2>&1
[ $? -eq 1 ] && grep -q '/dev/none: No such file' "$root/log"
verdict shared-library $?

# Only what the header promises is visible.
nm -D --defined-only "$to/lib/libswivl.so" | awk '$2 ~ /[TDB]/ { print $3 }' |
	sed 's/@.*//' | sort >"$root/exported"
grep -o -E '\bswivl_[a-z_]+\(' include/swivl/swivl.h | tr -d '(' | sort -u >"$root/declared"
grep -v -x -F -f "$root/declared" "$root/exported" >"$root/log"
[ ! -s "$root/log" ] && [ -s "$root/exported" ]
verdict symbols $?

if command -v groff >/dev/null; then
	for page in docs/man/*.[0-9]; do
		groff -man -Tutf8 -ww -z "$page"
	done >"$root/log" 2>&1
	[ ! -s "$root/log" ]
	verdict manual-pages $?
else
	echo "skip manual-pages: groff is not installed"
fi

make uninstall DESTDIR="$root/d" PREFIX=/opt/swivl >"$root/log" 2>&1
find "$to" -type f >>"$root/log"
[ -z "$(find "$to" -type f)" ]
verdict uninstalls $?
exit $fails
