"""Asks the real oslo.config. One case a line on stdin, its answer a line on stdout, both JSON.

A case has `files` (path and text), `arguments` (with paths beneath the root) and `options` (group, name, kind, default,
deprecated). An answer is `{"error": true}` when the files cannot be read, else `{"values": [...]}` in the order of the
options: a text, a list, {"unset": true} for what no file sets, {"unreadable": true} where oslo.config refuses to tell.
"""

import json
import os
import sys
import tempfile

from oslo_config import cfg

KINDS = {"text": cfg.StrOpt, "multi": cfg.MultiStrOpt, "list": cfg.ListOpt}


def answer(case):
    with tempfile.TemporaryDirectory() as root:
        for file in case["files"]:
            path = os.path.join(root, file["path"])
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8", newline="") as out:
                out.write(file["text"])
        conf = cfg.ConfigOpts()
        for option in case["options"]:
            former = [cfg.DeprecatedOpt(name, group=group) for group, name in option["deprecated"]]
            default = option["default"]
            if option["kind"] == "multi" and default is not None:
                default = [default]
            made = KINDS[option["kind"]](option["name"], default=default, deprecated_opts=former)
            group = option["group"]
            conf.register_opt(made, group=None if group == "DEFAULT" else group)
        arguments = [os.path.join(root, word[1:]) if word.startswith("/") else word for word in case["arguments"]]
        try:
            conf(arguments, project="x", default_config_files=[], default_config_dirs=[])
        except (cfg.ConfigFileParseError, UnicodeDecodeError):
            return {"error": True}
        values = []
        for option in case["options"]:
            group = None if option["group"] == "DEFAULT" else option["group"]
            try:
                known = conf._get_opt_info(option["name"], group)["opt"]
                known._get_from_namespace(conf._namespace, group)
            except KeyError:
                values.append({"unset": True})
                continue
            try:
                values.append((conf if group is None else conf[group])[option["name"]])
            except (cfg.Error, RecursionError):
                values.append({"unreadable": True})
        return {"values": values}


if __name__ == "__main__":
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))))
