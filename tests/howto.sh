#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# docs/plugin-howto.md followed to the letter: every block of it, in order, against an
# installation alone, in a directory of its own. What a block prints must be what the page
# says it prints.
. "$(dirname "$0")/lib.sh"
once_only
. "$root/tests/page.sh"
unset FMP_PLUGIN_PATH FMP_SOURCE # of the build tree

# -- an installation, which has been moved: nothing leads back to the tree ---------------
check "installs" cmake --install "$build" --prefix "$scratch/first"
mv "$scratch/first" "$scratch/prefix"
export PREFIX="$scratch/prefix"

mkdir "$scratch/stranger"
page_read "$root/docs/plugin-howto.md"
page_follow "$scratch/stranger"

grep -rlIF -e "$root" -e "$build" "$scratch/stranger" >"$scratch/wrong"
check_empty "nothing that was built knows of the sources" "$scratch/wrong"
finish
