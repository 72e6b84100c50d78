-- Other systems name patients by their NHS number.
CREATE INDEX patient_by_nhs ON patient_patient (nhs_number);
