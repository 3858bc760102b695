# SPDX-License-Identifier: MIT OR GPL-2.0-only
# AMD's processors without SVM, or without nested paging.
# tests: refused
. ./swivl.inc
case $(cat /lab/cpu) in
amd_no_npt | turion64_tyler) refused refused '\(no-nested-paging' ;;
amd_no_svm) refused refused '\(svm-cpuid' ;;
esac
