"""Which sections of a release become records of which category, and the fields of each.

One table per category. What is not in a table stays in the record's `details`.
"""

from dataclasses import dataclass

from adapters.systems.ocds.rules import (
    Rules,
    anything,
    boolean,
    group,
    identifier,
    integer,
    moment,
    money,
    organisation,
    organisations,
    period,
    text,
)

BUYER = organisation("buyer")
# What surrounds a section in its release and is said again in every record.
CONTEXT_FIELDS = ("buyer_name", "buyer_id", "buyer_scheme", "buyer_code", "language", "process")

_PLANNING: Rules = {
    "rationale": text("rationale"),
    "budget": group(
        {
            "id": identifier("budget_id"),
            "description": text("budget_description"),
            "amount": money("budget"),
            "project": text("project"),
            "projectID": identifier("project_id"),
        }
    ),
    "milestones": anything("milestones"),
    "documents": anything("documents"),
}

_TENDER: Rules = {
    "id": identifier("id"),
    "title": text("title"),
    "description": text("description"),
    "status": text("status"),
    "procuringEntity": organisation("procuring_entity"),
    "procurementMethod": text("procurement_method"),
    "procurementMethodDetails": text("procurement_method_details"),
    "procurementMethodRationale": text("procurement_method_rationale"),
    "mainProcurementCategory": text("main_procurement_category"),
    "additionalProcurementCategories": anything("additional_procurement_categories"),
    "awardCriteria": text("award_criteria"),
    "awardCriteriaDetails": text("award_criteria_details"),
    "submissionMethod": anything("submission_method"),
    "submissionMethodDetails": text("submission_method_details"),
    "eligibilityCriteria": text("eligibility_criteria"),
    "hasEnquiries": boolean("has_enquiries"),
    "numberOfTenderers": integer("number_of_tenderers"),
    "value": money("value"),
    "minValue": money("min_value"),
    "tenderPeriod": period("tender_period"),
    "enquiryPeriod": period("enquiry_period"),
    "awardPeriod": period("award_period"),
    "contractPeriod": period("contract_period"),
    "tenderers": organisations("tenderers"),
    "items": anything("items"),
    "lots": anything("lots"),
    "milestones": anything("milestones"),
    "documents": anything("documents"),
    "amendments": anything("amendments"),
}

_AWARD: Rules = {
    "id": identifier("id"),
    "title": text("title"),
    "description": text("description"),
    "status": text("status"),
    "date": moment("date"),
    "value": money("value"),
    "suppliers": organisations("suppliers"),
    "contractPeriod": period("contract_period"),
    "items": anything("items"),
    "documents": anything("documents"),
    "amendments": anything("amendments"),
}

_CONTRACT: Rules = {
    "id": identifier("id"),
    "awardID": identifier("award_id"),
    "title": text("title"),
    "description": text("description"),
    "status": text("status"),
    "dateSigned": moment("date_signed"),
    "value": money("value"),
    "period": period("period"),
    "suppliers": organisations("suppliers"),
    "items": anything("items"),
    "lots": anything("lots"),
    "milestones": anything("milestones"),
    "documents": anything("documents"),
    "amendments": anything("amendments"),
    "guarantees": anything("guarantees"),
}

_PERFORMANCE: Rules = {
    "transactions": anything("transactions"),
    "milestones": anything("milestones"),
    "documents": anything("documents"),
}

_BID: Rules = {
    "id": identifier("id"),
    "status": text("status"),
    "submissionType": text("submission_type"),
    "date": moment("date"),
    "value": money("value"),
    "tenderers": organisations("tenderers"),
    "validityPeriod": period("validity_period"),
    "rank": integer("rank"),
    "relatedLots": anything("related_lots"),
    "documents": anything("documents"),
}

_PARTY: Rules = {
    "id": identifier("id"),
    "name": text("name"),
    "identifier": group(
        {
            "scheme": text("scheme"),
            "id": identifier("code"),
            "legalName": text("legal_name"),
            "uri": text("uri"),
        }
    ),
    "additionalIdentifiers": anything("additional_identifiers"),
    "address": group(
        {
            "streetAddress": text("street_address"),
            "locality": text("locality"),
            "region": text("region"),
            "postalCode": text("postal_code"),
            "countryName": text("country_name"),
        }
    ),
    "roles": anything("roles"),
    "memberOf": anything("member_of"),
}


@dataclass(frozen=True, slots=True)
class Section:
    """A kind of section and the category of its records."""

    category: str
    rules: Rules


PLANNING = Section("trade.planning", _PLANNING)
TENDER = Section("trade.tender", _TENDER)
BID = Section("trade.bid", _BID)
AWARD = Section("trade.award", _AWARD)
CONTRACT = Section("trade.contract", _CONTRACT)
PERFORMANCE = Section("trade.performance", _PERFORMANCE)
PARTY = Section("trade.party", _PARTY)
