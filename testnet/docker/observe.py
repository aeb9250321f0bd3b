#!/usr/bin/env python3
"""Asks a running Prometheus what Grafana and an operator would ask it.

  observe.py URL targets             every target answers
  observe.py URL dashboard FILE      every panel of this dashboard has something to show
  observe.py URL alert NAME          this alert has begun (it is pending or firing)
  observe.py URL quiet               no alert is firing

Asks again for up to two minutes, as rates take time to come about; then says what is missing, and ends with 1.
"""

import json
import sys
import time
import urllib.error
import urllib.parse
import urllib.request

PATIENCE = 120
# Panels that stay empty as long as nothing goes wrong.
EMPTY_WHEN_WELL = {"Refused submissions a second"}


class Missing(Exception):
    """What is not there yet."""


def ask(url, path, **parameters):
    query = urllib.parse.urlencode(parameters)
    with urllib.request.urlopen(f"{url}/api/v1/{path}?{query}", timeout=10) as answer:
        return json.load(answer)["data"]


def targets(url):
    found = ask(url, "targets")["activeTargets"]
    away = [f"{target['scrapeUrl']}: {target['lastError'] or target['health']}" for target in found if target["health"] != "up"]
    if away or not found:
        raise Missing("targets: " + ("; ".join(away) or "none"))
    return f"{len(found)} targets answer"


def has_data(url, expression):
    return any(series["value"][1] != "NaN" for series in ask(url, "query", query=expression)["result"])


def dashboard(url, file):
    with open(file, encoding="utf-8") as text:
        panels = [panel for panel in json.load(text)["panels"] if panel.get("targets")]
    empty = [
        panel["title"]
        for panel in panels
        if panel["title"] not in EMPTY_WHEN_WELL and not any(has_data(url, target["expr"]) for target in panel["targets"])
    ]
    if empty:
        raise Missing("panels without data: " + "; ".join(empty))
    return f"{len(panels)} panels of the dashboard have data, or may be empty"


def alerts(url):
    return ask(url, "alerts")["alerts"]


def alert(url, name):
    begun = [found for found in alerts(url) if found["labels"]["alertname"] == name]
    if not begun:
        raise Missing(f"the alert {name} has not begun")
    return f"{name} is {begun[0]['state']} for {begun[0]['labels'].get('instance', 'the network')}"


def quiet(url):
    firing = [json.dumps(found["labels"]) for found in alerts(url) if found["state"] == "firing"]
    if firing:
        raise Missing("firing: " + "; ".join(firing))
    return "no alert is firing"


COMMANDS = {"targets": (targets, 0), "dashboard": (dashboard, 1), "alert": (alert, 1), "quiet": (quiet, 0)}


def main():
    url, name, *arguments = sys.argv[1:] if len(sys.argv) > 2 else ("", "")
    command, count = COMMANDS.get(name, (None, 0))
    if command is None or len(arguments) != count:
        sys.exit(__doc__)
    end = time.monotonic() + PATIENCE
    while True:
        try:
            print(command(url.rstrip("/"), *arguments))
            return
        except (Missing, urllib.error.URLError, TimeoutError) as problem:
            if time.monotonic() > end:
                sys.exit(f"error: {problem}")
        time.sleep(1)


if __name__ == "__main__":
    main()
