# SPDX-License-Identifier: MIT OR GPL-2.0-only
# swivl check where swivl cannot run: the reason by its name, with and without the MSRs.
# module: msr
# tests: plain json with-msrs
. ./check.inc

case $(cat /lab/cpu) in
*penryn*) reason=no-ept ;;
*lynnfield*) reason=no-unrestricted-guest ;;
amd_no_npt | turion64_tyler) reason=no-nested-paging ;;
amd_no_svm) reason=svm-cpuid ;;
esac
checks plain 4 "^$reason: "
checks json 4 "\"name\": \"$reason\"" --json
modprobe msr
checks with-msrs 4 "^$reason: "
