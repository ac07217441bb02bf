"""Asks the real Python engine: one JSON question per line in, one JSON answer per line out.

{"condition", "context"}                -> whether a rule with that condition matches
{"policies": [yaml], "agent", "calls"}  -> the decisions, in order; a file it does not load is skipped, as its plugin does
"""

import json
import logging
import sys
import warnings

warnings.simplefilter("ignore")
logging.disable(logging.CRITICAL)

from agentmesh.governance.policy import PolicyEngine, PolicyRule  # noqa: E402


def matches(question):
    return PolicyRule(name="r", condition=question["condition"]).evaluate(question["context"])


def decisions(question):
    engine = PolicyEngine()
    failed = []
    for index, text in enumerate(question["policies"]):
        try:
            engine.load_yaml(text)
        except Exception:
            failed.append(index)
    answers = []
    for call in question["calls"]:
        context = {"action": call["action"], "tool_args": call["tool_args"]}
        decision = engine.evaluate(agent_did=call.get("agent", question["agent"]), context=context)
        answers.append(
            {
                "allowed": decision.allowed,
                "action": decision.action,
                "rule": decision.matched_rule,
                "reason": decision.reason,
            }
        )
    return {"failed": failed, "decisions": answers}


for line in sys.stdin:
    question = json.loads(line)
    print(json.dumps(matches(question) if "condition" in question else decisions(question)), flush=True)
