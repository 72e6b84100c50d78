"""Reads what `go test -json` prints, and holds it to the list of tests that are expected to fail, one a line; # begins a reason."""
import json
import sys

expected = {line.strip() for line in open(sys.argv[1]) if line.strip() and not line.startswith("#")}
ended = {}
for line in sys.stdin:
    try:
        event = json.loads(line)
    except ValueError:
        continue
    if event.get("Test") and event["Action"] in ("pass", "fail", "skip"):
        ended[event["Test"]] = event["Action"]
inner = {name.rsplit("/", n)[0] for name in ended for n in range(1, name.count("/") + 1)}
leaves = {name: how for name, how in ended.items() if name not in inner}
failed = {name for name, how in leaves.items() if how == "fail"}
counts = {how: list(leaves.values()).count(how) for how in ("pass", "fail", "skip")}
print(f"{counts['pass']} passed, {counts['fail']} failed, {counts['skip']} skipped")
for name in sorted(failed - expected):
    print("not expected to fail:", name)
for name in sorted(n for n in expected if leaves.get(n) == "pass"):
    print("passes, take it out of the list:", name)
sys.exit(1 if not leaves or failed - expected or any(leaves.get(n) == "pass" for n in expected) else 0)
