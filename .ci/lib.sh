# What the scripts here share. Sourced, from the root of the repository.

# Prints a heading, runs a step and prints how long it took. Ends the script if the step fails.
step() {
    local heading=$1 start=$SECONDS
    shift
    printf '\n== %s\n' "$heading"
    "$@"
    printf -- '-- %s: %d s\n' "$heading" $((SECONDS - start))
    TIMES+=("$(printf '%5d s  %s' $((SECONDS - start)) "$heading")")
}

# Prints the time of each step.
summary() {
    printf '\n== All steps passed\n'
    printf '%s\n' "${TIMES[@]}" "$(printf '%5d s  altogether' "$SECONDS")"
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# One folder for all that is built, in copies of the tree too.
TARGET=${CARGO_TARGET_DIR:-$PWD/target}
TIMES=()
