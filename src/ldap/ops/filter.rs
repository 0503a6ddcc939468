//! From a filter as sent to one that the directory can evaluate.

use super::super::codec::{self, Extensible, Filter as Sent, Operation, Substrings};
use crate::directory::filter::Parts;
use crate::directory::{Directory, Filter};
use crate::model::{Error, Result};

/// Resolves the filter of the search in a frame that has been decoded before.
pub(super) fn resolve_in(directory: &Directory, frame: &[u8], limits: &codec::Limits) -> Result<Filter> {
    match codec::decode(frame, limits) {
        Ok(Some((codec::Message { operation: Operation::SearchRequest(request), .. }, _))) => resolve(directory, &request.filter),
        _ => Err(Error::internal("a search that was read before cannot be read again")),
    }
}

/// Resolves the names and values of a filter. What the schema does not know becomes Undefined (RFC
/// 4511, section 4.5.1.7).
pub(super) fn resolve(directory: &Directory, filter: &Sent<'_>) -> Result<Filter> {
    let all = |filters: &[Sent<'_>]| filters.iter().map(|filter| resolve(directory, filter)).collect::<Result<Vec<_>>>();
    Ok(match filter {
        Sent::And(filters) => Filter::And(all(filters)?),
        Sent::Or(filters) => Filter::Or(all(filters)?),
        Sent::Not(filter) => Filter::Not(Box::new(resolve(directory, filter)?)),
        Sent::Equality(assertion) => Filter::equality(directory, assertion.attribute, assertion.value)?,
        Sent::Substrings(Substrings { attribute, initial, any, last }) => {
            Filter::substrings(directory, attribute, &Parts { initial: *initial, any: any.clone(), last: *last })
        }
        Sent::GreaterOrEqual(assertion) => Filter::greater_or_equal(directory, assertion.attribute, assertion.value),
        Sent::LessOrEqual(assertion) => Filter::less_or_equal(directory, assertion.attribute, assertion.value),
        Sent::Present(attribute) => Filter::present(directory, attribute),
        Sent::Approximate(assertion) => Filter::approximate(directory, assertion.attribute, assertion.value)?,
        Sent::Extensible(Extensible { rule, attribute, value, dn_attributes }) => {
            Filter::extensible(directory, *attribute, *rule, value, *dn_attributes)?
        }
    })
}
