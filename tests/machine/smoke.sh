# SPDX-License-Identifier: MIT OR GPL-2.0-only
# The machine itself: what every other test takes for granted.
# tests: kernel processors extensions module

case $(uname -r) in
6.*-cloud-amd64) echo "ok kernel" ;;
*) echo "not ok kernel - $(uname -r) is not Debian's cloud kernel" ;;
esac

expected=$(cat /lab/cpus)
if [ "$(nproc)" = "$expected" ]; then
	echo "ok processors"
else
	echo "not ok processors - $(nproc) of $expected are online"
fi

flags=$(grep -c -w -E 'vmx|svm' /proc/cpuinfo)
if [ "$flags" -ge "$expected" ]; then
	echo "ok extensions"
else
	echo "not ok extensions - neither vmx nor svm in /proc/cpuinfo"
fi

if insmod /lab/hello.ko && dmesg | grep -q "hello: loaded on $expected CPUs" &&
	rmmod hello && dmesg | grep -q 'hello: unloaded'; then
	echo "ok module"
else
	echo "not ok module - $(dmesg | tail -n 3)"
fi
