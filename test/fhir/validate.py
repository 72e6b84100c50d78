"""Holds what the FHIR directory says, as JSON files in a folder, to the models of fhir.resources, which are not ours."""

import glob
import json
import sys

from fhir.resources.R4B import get_fhir_model_class  # R4B changed none of the resources of a directory

valid = wrong = 0
for name in sorted(glob.glob(sys.argv[1] + "/*.json")):
    with open(name, encoding="utf-8") as file:
        top = json.load(file)
    for resource in [top] + [e["resource"] for e in top.get("entry", [])]:
        try:
            get_fhir_model_class(resource["resourceType"]).model_validate(resource)
            valid += 1
        except Exception as problem:  # a validator's errors have many types
            wrong += 1
            print(name, resource.get("id", ""), str(problem)[:500])
print(f"{valid} resources are valid, {wrong} are not")
sys.exit(1 if wrong or valid < 50 else 0)
