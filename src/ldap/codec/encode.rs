//! From a message to bytes.

use super::decode::{
    ABANDON_REQUEST, ADD_REQUEST, ADD_RESPONSE, BIND_REQUEST, BIND_RESPONSE, COMPARE_REQUEST, COMPARE_RESPONSE, CONTROLS, DELETE_REQUEST,
    DELETE_RESPONSE, EXTENDED_REQUEST, EXTENDED_RESPONSE, INTERMEDIATE, MODIFY_DN_REQUEST, MODIFY_DN_RESPONSE, MODIFY_REQUEST,
    MODIFY_RESPONSE, NEW_SUPERIOR, REFERRAL, REQUEST_NAME, REQUEST_VALUE, RESPONSE_NAME, RESPONSE_VALUE, SASL, SEARCH_DONE, SEARCH_ENTRY,
    SEARCH_REFERENCE, SEARCH_REQUEST, SERVER_CREDENTIALS, SIMPLE, UNBIND_REQUEST,
};
use super::message::{
    Authentication, BindRequest, Control, LdapResult, Message, ModifyRequest, Operation, PartialAttribute, SearchRequest,
};
use crate::model::ber::{SEQUENCE, SET, Writer};

/// Appends the message to the buffer (RFC 4511, section 5.1).
pub fn encode(message: &Message<'_>, out: &mut Vec<u8>) {
    let mut writer = Writer::new(out);
    writer.constructed(SEQUENCE, |writer| {
        writer.integer(i64::from(message.id));
        operation(&message.operation, writer);
        controls(&message.controls, writer);
    });
}

/// Appends a found entry whose list of attributes is written, as BER, by the closure (RFC 4511,
/// section 4.5.2). On an error of the closure the buffer is as it was.
pub fn encode_entry<E>(id: i32, name: &str, out: &mut Vec<u8>, attributes: impl FnOnce(&mut Vec<u8>) -> Result<(), E>) -> Result<(), E> {
    let start = out.len();
    let mut writer = Writer::new(out);
    let envelope = writer.open(SEQUENCE);
    writer.integer(i64::from(id));
    let entry = writer.open(SEARCH_ENTRY);
    writer.octets(name.as_bytes());
    if let Err(error) = attributes(writer.buffer()) {
        out.truncate(start);
        return Err(error);
    }
    writer.close(entry);
    writer.close(envelope);
    Ok(())
}

fn operation(operation: &Operation<'_>, writer: &mut Writer<'_>) {
    match operation {
        Operation::BindRequest(request) => bind_request(request, writer),
        Operation::BindResponse(response) => writer.constructed(BIND_RESPONSE, |writer| {
            result_parts(&response.result, writer);
            optional(SERVER_CREDENTIALS, response.credentials, writer);
        }),
        Operation::UnbindRequest => writer.tlv(UNBIND_REQUEST, &[]),
        Operation::SearchRequest(request) => search_request(request, writer),
        Operation::SearchEntry(entry) => writer.constructed(SEARCH_ENTRY, |writer| {
            writer.octets(entry.name.as_bytes());
            attributes(&entry.attributes, writer);
        }),
        Operation::SearchDone(parts) => result(SEARCH_DONE, parts, writer),
        Operation::SearchReference(uris) => writer.constructed(SEARCH_REFERENCE, |writer| texts(uris, writer)),
        Operation::ModifyRequest(request) => modify_request(request, writer),
        Operation::ModifyResponse(parts) => result(MODIFY_RESPONSE, parts, writer),
        Operation::AddRequest(request) => writer.constructed(ADD_REQUEST, |writer| {
            writer.octets(request.entry.as_bytes());
            attributes(&request.attributes, writer);
        }),
        Operation::AddResponse(parts) => result(ADD_RESPONSE, parts, writer),
        Operation::DeleteRequest(entry) => writer.tlv(DELETE_REQUEST, entry.as_bytes()),
        Operation::DeleteResponse(parts) => result(DELETE_RESPONSE, parts, writer),
        Operation::ModifyDnRequest(request) => writer.constructed(MODIFY_DN_REQUEST, |writer| {
            writer.octets(request.entry.as_bytes());
            writer.octets(request.new_rdn.as_bytes());
            writer.boolean(request.delete_old_rdn);
            optional(NEW_SUPERIOR, request.new_superior.map(str::as_bytes), writer);
        }),
        Operation::ModifyDnResponse(parts) => result(MODIFY_DN_RESPONSE, parts, writer),
        Operation::CompareRequest(request) => writer.constructed(COMPARE_REQUEST, |writer| {
            writer.octets(request.entry.as_bytes());
            writer.constructed(SEQUENCE, |writer| {
                writer.octets(request.attribute.as_bytes());
                writer.octets(request.value);
            });
        }),
        Operation::CompareResponse(parts) => result(COMPARE_RESPONSE, parts, writer),
        Operation::AbandonRequest(id) => writer.integer_as(ABANDON_REQUEST, i64::from(*id)),
        Operation::ExtendedRequest(request) => writer.constructed(EXTENDED_REQUEST, |writer| {
            writer.tlv(REQUEST_NAME, request.name.as_bytes());
            optional(REQUEST_VALUE, request.value, writer);
        }),
        Operation::ExtendedResponse(response) => writer.constructed(EXTENDED_RESPONSE, |writer| {
            result_parts(&response.result, writer);
            optional(RESPONSE_NAME, response.name.map(str::as_bytes), writer);
            optional(RESPONSE_VALUE, response.value.as_deref(), writer);
        }),
        Operation::Intermediate(response) => writer.constructed(INTERMEDIATE, |writer| {
            optional(REQUEST_NAME, response.name.map(str::as_bytes), writer);
            optional(REQUEST_VALUE, response.value, writer);
        }),
    }
}

fn bind_request(request: &BindRequest<'_>, writer: &mut Writer<'_>) {
    writer.constructed(BIND_REQUEST, |writer| {
        writer.integer(i64::from(request.version));
        writer.octets(request.name.as_bytes());
        match &request.authentication {
            Authentication::Simple(password) => writer.tlv(SIMPLE, password),
            Authentication::Sasl { mechanism, credentials } => writer.constructed(SASL, |writer| {
                writer.octets(mechanism.as_bytes());
                credentials.iter().for_each(|credentials| writer.octets(credentials));
            }),
            Authentication::Other(tag) => writer.tlv(*tag, &[]),
        }
    });
}

fn search_request(request: &SearchRequest<'_>, writer: &mut Writer<'_>) {
    writer.constructed(SEARCH_REQUEST, |writer| {
        writer.octets(request.base.as_bytes());
        writer.enumerated(request.scope as i64);
        writer.enumerated(request.deref as i64);
        writer.integer(i64::from(request.size_limit));
        writer.integer(i64::from(request.time_limit));
        writer.boolean(request.types_only);
        request.filter.encode(writer);
        writer.constructed(SEQUENCE, |writer| texts(&request.attributes, writer));
    });
}

fn modify_request(request: &ModifyRequest<'_>, writer: &mut Writer<'_>) {
    writer.constructed(MODIFY_REQUEST, |writer| {
        writer.octets(request.entry.as_bytes());
        writer.constructed(SEQUENCE, |writer| {
            for change in &request.changes {
                writer.constructed(SEQUENCE, |writer| {
                    writer.enumerated(change.kind as i64);
                    attribute(&change.attribute, writer);
                });
            }
        });
    });
}

fn attributes(attributes: &[PartialAttribute<'_>], writer: &mut Writer<'_>) {
    writer.constructed(SEQUENCE, |writer| attributes.iter().for_each(|one| attribute(one, writer)));
}

fn attribute(attribute: &PartialAttribute<'_>, writer: &mut Writer<'_>) {
    writer.constructed(SEQUENCE, |writer| {
        writer.octets(attribute.name.as_bytes());
        writer.constructed(SET, |writer| attribute.values.iter().for_each(|value| writer.octets(value)));
    });
}

fn controls(controls: &[Control<'_>], writer: &mut Writer<'_>) {
    if controls.is_empty() {
        return;
    }
    writer.constructed(CONTROLS, |writer| {
        for control in controls {
            writer.constructed(SEQUENCE, |writer| {
                writer.octets(control.oid.as_bytes());
                // FALSE is the default, which is left out (RFC 4511, section 5.1).
                if control.critical {
                    writer.boolean(true);
                }
                control.value.iter().for_each(|value| writer.octets(value));
            });
        }
    });
}

fn result(tag: u8, result: &LdapResult<'_>, writer: &mut Writer<'_>) {
    writer.constructed(tag, |writer| result_parts(result, writer));
}

fn result_parts(result: &LdapResult<'_>, writer: &mut Writer<'_>) {
    writer.enumerated(i64::from(result.code.0));
    writer.octets(result.matched.as_bytes());
    writer.octets(result.message.as_bytes());
    if !result.referral.is_empty() {
        writer.constructed(REFERRAL, |writer| texts(&result.referral, writer));
    }
}

fn texts(texts: &[&str], writer: &mut Writer<'_>) {
    texts.iter().for_each(|text| writer.octets(text.as_bytes()));
}

fn optional(tag: u8, contents: Option<&[u8]>, writer: &mut Writer<'_>) {
    contents.iter().for_each(|contents| writer.tlv(tag, contents));
}
