# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Debian packages by name, fetched and unpacked into build/, never installed: what would otherwise
put itself into this computer's /boot or needs another architecture."""

import glob
import os
import re
import sys

from . import cache
from .cache import LabError


def _foreign(arch):
    """The environment in which apt-get knows that architecture, with package lists of its own, and
    leaves the system's alone. Where an archive of the sources fails, the others' lists do."""
    root = os.path.join(cache.CACHE, "apt", arch)
    config = os.path.join(root, "apt.conf")
    env = dict(os.environ, APT_CONFIG=config)
    if not os.path.exists(config):
        for folder in "lists/partial", "cache/archives/partial":
            os.makedirs(os.path.join(root, folder), exist_ok=True)
        with open(config + ".new", "w") as f:
            f.write(f'APT::Architecture "{arch}";\nAPT::Architectures {{ "{arch}"; }};\n'
                    f'Dir::State::Lists "{root}/lists";\nDir::State::status "/dev/null";\n'
                    f'Dir::Cache "{root}/cache";\nAPT::Sandbox::User "";\n'
                    'Acquire::Languages "none";\n')
        os.rename(config + ".new", config)
    return env


def _apt(env, *command, cwd=None):
    return cache.run(list(command), env=env, cwd=cwd).decode()


def _renew(env):
    try:
        _apt(env, "apt-get", "-q", "update")
    except LabError as e:
        print(f"lab: {e}", file=sys.stderr)


def _stands_for(name, env):
    """The package that a meta-package of kernels depends on; else the name itself."""
    if not re.fullmatch(r"linux-image-[a-z0-9-]*", name) or re.search(r"-\d+\.\d+", name):
        return name
    shown = _apt(env, "apt-cache", "show", "--no-all-versions", name)
    found = re.search(r"^Depends: (linux-image-\d\S+)", shown, re.M)
    return found.group(1) if found else name


def get(name):
    """The folder with the files of package NAME or NAME:ARCHITECTURE. What was fetched once stays."""
    name, _, arch = name.partition(":")
    where = f"packages/{name}_{arch or 'here'}"

    def unpack(tmp):
        print(f"Fetching Debian's {name}{arch and ' for ' + arch}", file=sys.stderr, flush=True)
        os.makedirs(tmp)
        env = _foreign(arch) if arch else dict(os.environ)
        try:
            _apt(env, "apt-get", "-q", "download", _stands_for(name, env), cwd=tmp)
        except LabError:
            if not arch:
                raise LabError(f"{name} is not in the package lists: apt-get update renews them")
            _renew(env)
            _apt(env, "apt-get", "-q", "download", _stands_for(name, env), cwd=tmp)
        debs = glob.glob(os.path.join(tmp, "*.deb"))
        if not debs:
            raise LabError(f"apt-get download {name} brought no package")
        cache.run(["dpkg-deb", "-x", debs[0], tmp])
        os.unlink(debs[0])

    return cache.made(where, unpack)
