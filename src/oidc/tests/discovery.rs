use super::*;
use crate::oidc::discovery;

async fn metadata(provider: &Provider) -> Value {
    let request = provider.request(Method::GET, "/.well-known/openid-configuration");
    let response = answered(discovery::metadata(&provider.app, &request).await, &request);
    assert_eq!(header(&response, "cache-control"), "public, max-age=300");
    serde_json::from_str(&text(response).await).unwrap()
}

#[tokio::test]
async fn what_discovery_promises_exists() {
    let provider = Provider::start().await;
    let document = metadata(&provider).await;
    assert_eq!(document["issuer"], ISSUER);
    for (name, path) in [
        ("authorization_endpoint", "/oauth2/authorize"),
        ("token_endpoint", "/oauth2/token"),
        ("userinfo_endpoint", "/oauth2/userinfo"),
        ("end_session_endpoint", "/oauth2/logout"),
        ("jwks_uri", "/.well-known/jwks.json"),
    ] {
        assert_eq!(document[name], format!("{ISSUER}{path}"), "{name}");
    }
    assert_eq!(document["authorization_response_iss_parameter_supported"], true);
    assert_eq!(document["code_challenge_methods_supported"], serde_json::json!(["S256"]));
    assert_eq!(document["response_types_supported"], serde_json::json!(["code"]));
    for name in ["request_parameter_supported", "request_uri_parameter_supported", "claims_parameter_supported"] {
        assert_eq!(document[name], false, "{name}");
    }
}

#[tokio::test]
async fn relying_parties_read_it() {
    let provider = Provider::start().await;
    let document: openidconnect::core::CoreProviderMetadata = serde_json::from_value(metadata(&provider).await).unwrap();
    assert_eq!(document.issuer().as_str(), ISSUER);
}

#[tokio::test]
async fn the_key_set_holds_the_public_key_of_every_algorithm() {
    let provider = Provider::start().await;
    let request = provider.request(Method::GET, "/.well-known/jwks.json");
    let response = answered(discovery::key_set(&provider.app, &request).await, &request);
    let document: Value = serde_json::from_str(&text(response).await).unwrap();
    let keys = document["keys"].as_array().unwrap();
    let named = |name: &str| keys.iter().map(|key| key[name].as_str().unwrap()).collect::<Vec<_>>();
    assert_eq!((named("kty"), named("alg"), named("use")), (vec!["RSA", "EC"], vec!["RS256", "ES256"], vec!["sig", "sig"]));
    for secret in ["d", "p", "q", "dp", "dq", "qi", "k"] {
        assert!(keys.iter().all(|key| key.get(secret).is_none()), "{secret}");
    }
}
