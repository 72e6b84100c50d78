-- Why a test went as it did, as a code with its fact beside the sentence. Tests from before have the sentence only.
ALTER TABLE testpage_test ADD COLUMN why_code TEXT NOT NULL DEFAULT '';
ALTER TABLE testpage_test ADD COLUMN why_name TEXT NOT NULL DEFAULT '';
