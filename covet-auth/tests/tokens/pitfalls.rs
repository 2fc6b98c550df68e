//! The known ways in which token verifiers have been wrong, by name.

use std::time::Duration;

use covet_auth::{Algorithm, AuthError, ManualClock, Verifier, VerifyKey};
use serde_json::{Value, json};

use crate::support::{
    AUDIENCE, ISSUER, NOW, SECRET, b64, builder, claims, hmac_sha256, hs256, judge, new_key, raw, signing_key, token,
    verifier,
};

fn refused(token: &str) -> AuthError {
    verifier().verify::<Value>(token).unwrap_err()
}

fn with_header(header: &str) -> String {
    raw(header, &claims(|_| {}).to_string())
}

mod algorithm {
    use super::*;

    #[test]
    fn none_in_any_spelling_with_and_without_a_signature() {
        for name in ["none", "None", "nOnE", "NONE", "", " none", "HS256\u{0}"] {
            let header = json!({ "alg": name }).to_string();
            assert_eq!(refused(&with_header(&header)), AuthError::Algorithm, "{name}");
            let unsigned = format!("{}.{}.", b64(&header), b64(claims(|_| {}).to_string()));
            assert_eq!(refused(&unsigned), AuthError::Algorithm, "{name}");
        }
    }

    #[test]
    fn missing_alg() {
        assert_eq!(refused(&with_header(r#"{"typ":"JWT"}"#)), AuthError::Malformed);
    }

    #[test]
    fn an_empty_signature() {
        let token = token(&claims(|_| {}));
        let (input, _) = token.rsplit_once('.').unwrap();
        assert_eq!(refused(&format!("{input}.")), AuthError::Signature);
    }

    #[test]
    fn names_are_case_sensitive() {
        assert_eq!(refused(&with_header(r#"{"alg":"hs256"}"#)), AuthError::Algorithm);
    }

    /// A public key, in whatever form an attacker can get it, is no HMAC secret.
    #[test]
    fn hmac_with_the_public_key_as_secret() {
        use aws_lc_rs::hmac;
        for algorithm in [Algorithm::RS256, Algorithm::ES256, Algorithm::EdDSA] {
            let key = signing_key(algorithm).verify_key();
            let verifier = builder().key(key.clone()).build().unwrap();
            let input = format!("{}.{}", b64(r#"{"alg":"HS256","kid":"k1"}"#), b64(claims(|_| {}).to_string()));
            let jwk = key.to_jwk().unwrap();
            for secret in [jwk.as_bytes(), b"", b"k1"] {
                let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), input.as_bytes());
                let token = format!("{input}.{}", b64(tag));
                assert_eq!(verifier.verify::<Value>(&token).unwrap_err(), AuthError::Algorithm);
            }
        }
    }

    /// One modulus, two algorithms: the key is pinned to one of them.
    #[test]
    fn rs256_and_ps256_are_not_interchangeable() {
        let private = covet_auth::SigningKey::generate_pkcs8(Algorithm::RS256).unwrap();
        let as_key = |algorithm| covet_auth::SigningKey::from_pkcs8("k", algorithm, &private).unwrap();
        let verifier = builder().key(as_key(Algorithm::RS256).verify_key()).build().unwrap();
        assert!(verifier.verify::<Value>(&as_key(Algorithm::RS256).sign(&claims(|_| {})).unwrap()).is_ok());
        for other in [Algorithm::PS256, Algorithm::RS384, Algorithm::RS512] {
            let token = as_key(other).sign(&claims(|_| {})).unwrap();
            assert_eq!(verifier.verify::<Value>(&token).unwrap_err(), AuthError::Algorithm, "{other}");
        }
    }

    #[test]
    fn a_jwk_of_another_algorithm_is_refused() {
        let ec = signing_key(Algorithm::ES256).verify_key().to_jwk().unwrap();
        assert!(VerifyKey::from_jwk(&ec.replace("ES256", "RS256")).is_err());
        assert!(VerifyKey::from_jwk(&ec.replace("ES256", "ES384")).is_err());
        assert!(VerifyKey::from_jwk(&ec.replace("ES256", "ES521")).is_err());
        assert!(VerifyKey::from_jwk_as(Algorithm::ES384, &ec).is_err());
    }

    #[test]
    fn ed25519_and_eddsa_are_one_algorithm() {
        let key = signing_key(Algorithm::EdDSA);
        let verifier = builder().key(key.verify_key()).build().unwrap();
        // The signer writes EdDSA; RFC 9864 writes Ed25519, which is signed over and cannot be exchanged.
        let token = key.sign(&claims(|_| {})).unwrap();
        let (_, rest) = token.split_once('.').unwrap();
        let renamed = format!("{}.{rest}", b64(r#"{"alg":"Ed25519","kid":"k1"}"#));
        assert!(verifier.verify::<Value>(&token).is_ok());
        assert_eq!(verifier.verify::<Value>(&renamed).unwrap_err(), AuthError::Signature);
    }
}

mod key_source {
    use super::*;

    /// A token that brings its own key, or says where to get one, is verified by ours all the same.
    #[test]
    fn jwk_jku_x5u_x5c_are_never_used() {
        let attacker = signing_key(Algorithm::ES256);
        let jwk: Value = serde_json::from_str(&attacker.verify_key().to_jwk().unwrap()).unwrap();
        let ours = builder().key(hs256()).key(new_key("k1", Algorithm::ES256).verify_key()).build().unwrap();
        let own = json!({"alg": "ES256", "jwk": jwk, "jku": "https://evil.example/jwks", "x5u": "file:///etc/passwd",
            "x5c": ["AAAA"], "kid": "k1"});
        let payload = claims(|_| {}).to_string();
        let token = attacker.sign(&claims(|_| {})).unwrap();
        assert_eq!(ours.verify::<Value>(&token).unwrap_err(), AuthError::Signature);
        let forged = format!("{}.{}.{}", b64(own.to_string()), b64(&payload), token.rsplit_once('.').unwrap().1);
        assert_eq!(ours.verify::<Value>(&forged).unwrap_err(), AuthError::Signature);
        let honest = json!({"alg": "HS256", "jwk": {"kty": "oct", "k": "AAAA"}, "jku": "x"}).to_string();
        assert!(verifier().verify::<Value>(&raw(&honest, &payload)).is_ok());
    }

    #[test]
    fn a_kid_is_a_name_and_nothing_else() {
        let verifier = builder().key(hs256().kid("good")).build().unwrap();
        let long = "k".repeat(5000);
        for kid in ["../../dev/null", "' OR 1=1 --", "good\u{0}", "Good", "", " good", long.as_str()] {
            let token = with_header(&json!({"alg": "HS256", "kid": kid}).to_string());
            assert_eq!(verifier.verify::<Value>(&token).unwrap_err(), AuthError::UnknownKey, "{kid}");
        }
        for kid in ["7", "null", "[\"good\"]", "{}"] {
            let token = with_header(&format!(r#"{{"alg":"HS256","kid":{kid}}}"#));
            assert_eq!(verifier.verify::<Value>(&token).unwrap_err(), AuthError::Malformed, "{kid}");
        }
        let unnamed = with_header(r#"{"alg":"HS256"}"#);
        assert_eq!(verifier.verify::<Value>(&unnamed).unwrap().facts().kid(), Some("good"));
    }

    /// Without a `kid`, one of several named keys would have to be guessed.
    #[test]
    fn an_unnamed_token_picks_no_key_among_several() {
        let verifier =
            builder().key(hs256().kid("a")).key(new_key("b", Algorithm::HS256).verify_key()).build().unwrap();
        let token = with_header(r#"{"alg":"HS256"}"#);
        assert_eq!(verifier.verify::<Value>(&token).unwrap_err(), AuthError::UnknownKey);
    }

    #[test]
    fn a_kid_is_its_issuers() {
        let (a, b) = (new_key("same", Algorithm::ES256), new_key("same", Algorithm::ES256));
        let verifier = Verifier::builder()
            .key(a.verify_key().issuer("a"))
            .key(b.verify_key().issuer("b"))
            .any_audience()
            .remember_signatures(100)
            .clock(ManualClock::at(NOW))
            .build()
            .unwrap();
        let as_a = claims(|claims| claims["iss"] = "a".into());
        assert!(verifier.verify::<Value>(&a.sign(&as_a).unwrap()).is_ok());
        assert_eq!(verifier.verify::<Value>(&b.sign(&as_a).unwrap()).unwrap_err(), AuthError::Signature);
    }
}

mod format {
    use super::*;

    #[test]
    fn dots() {
        let good = token(&claims(|_| {}));
        let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
        for token in [
            String::new(),
            ".".into(),
            "..".into(),
            "...".into(),
            header.into(),
            format!("{header}.{payload}"),
            format!("{header}.{payload}."),
            format!(".{payload}.{signature}"),
            format!("{header}..{signature}"),
            format!("{good}."),
            format!(".{good}"),
            format!("{good}.AAAA.AAAA"),
            format!("{header}.{payload}.AAAA.{signature}"),
        ] {
            assert!(refused(&token).is_refused(), "{token}");
        }
        assert_eq!(refused(""), AuthError::Missing);
    }

    /// Splitting on every dot would allocate as much as the attacker likes.
    #[test]
    fn millions_of_dots_and_megabytes_are_refused_unread() {
        assert_eq!(refused(&".".repeat(4 << 20)), AuthError::TooLarge);
        let huge = with_header(&json!({"alg": "HS256", "x": "y".repeat(1 << 20)}).to_string());
        assert_eq!(refused(&huge), AuthError::TooLarge);
        let small = builder().key(hs256()).max_token_len(10).build().unwrap();
        assert_eq!(small.verify::<Value>("01234567890").unwrap_err(), AuthError::TooLarge);
        assert_eq!(small.verify::<Value>("0123456789").unwrap_err(), AuthError::Malformed);
        assert_eq!(refused(&".".repeat(8192)), AuthError::Malformed);
    }

    #[test]
    fn base64_is_strict_in_every_part() {
        let good = token(&claims(|_| {}));
        let parts: Vec<&str> = good.split('.').collect();
        for index in 0..3 {
            for change in ["{}=", "{}==", " {}", "{} ", "{}\n", "{}\u{0}", "{}+", "{}/", "{}A", "\t{}"] {
                let mut changed: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
                changed[index] = change.replace("{}", parts[index]);
                assert!(verifier().verify::<Value>(&changed.join(".")).is_err(), "{index} {change:?}");
            }
        }
    }

    /// `...k` and `...l` decode to the same bytes in a lax decoder: two strings for one token.
    #[test]
    fn unused_bits_must_be_zero() {
        let good = token(&claims(|_| {}));
        let last = good.chars().last().unwrap();
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let at = alphabet.find(last).unwrap();
        for other in &alphabet.as_bytes()[at + 1..(at / 4 + 1) * 4] {
            let twin = format!("{}{}", &good[..good.len() - 1], char::from(*other));
            assert_eq!(refused(&twin), AuthError::Signature);
        }
    }

    #[test]
    fn json_that_is_no_json_object() {
        let deep = format!("{{\"a\":{}1{}}}", "[".repeat(2000), "]".repeat(2000));
        for payload in [
            "",
            "null",
            "[]",
            "\"{}\"",
            "{}{}",
            "{",
            "{\"exp\":1800000100,}",
            "{'exp':1}",
            "{\"exp\":01800000100}",
            "{\"exp\":1800000100}\u{0}",
            "{\"a\":\"\u{1}\"}",
            "{\"a\":\"\\x\"}",
            "{\"a\":}",
            "{\"a\":[}]}",
            "\u{feff}{}",
            deep.as_str(),
        ] {
            assert!(refused(&raw(r#"{"alg":"HS256"}"#, payload)).is_refused(), "{payload:?}");
        }
    }

    #[test]
    fn utf16_and_invalid_utf8() {
        for payload in [&b"\xff\xfe{\0}\0"[..], b"{\"sub\":\"\xff\"}", b"\x00{\x00}"] {
            let input = format!("{}.{}", b64(r#"{"alg":"HS256"}"#), b64(payload));
            let token = format!("{input}.{}", b64(hmac_sha256(input.as_bytes())));
            assert_eq!(refused(&token), AuthError::Malformed);
        }
    }

    #[test]
    fn members_given_twice() {
        let payload = claims(|_| {}).to_string();
        for extra in [r#""exp":9999999999"#, r#""\u0065xp":9999999999"#, r#""sub":"root""#, r#""x":1,"x":2"#] {
            let doubled = format!("{{{extra},{}", &payload[1..]);
            assert_eq!(refused(&raw(r#"{"alg":"HS256"}"#, &doubled)), AuthError::Malformed, "{extra}");
        }
        assert_eq!(refused(&raw(r#"{"alg":"HS256","alg":"HS256"}"#, &payload)), AuthError::Malformed);
        assert_eq!(refused(&raw(r#"{"alg":"HS256","kid":"a","k\u0069d":"b"}"#, &payload)), AuthError::Malformed);
    }

    /// RFC 8725bis: the JSON serialisation and encrypted tokens are not signed compact tokens.
    #[test]
    fn other_serialisations() {
        let good = token(&claims(|_| {}));
        let [header, payload, signature] = good.split('.').collect::<Vec<_>>().try_into().unwrap();
        let json = json!({"protected": header, "payload": payload, "signature": signature}).to_string();
        assert!(refused(&json).is_refused());
        let jwe = format!("{}.AAAA.AAAA.AAAA.AAAA", b64(r#"{"alg":"RSA-OAEP","enc":"A128GCM","zip":"DEF"}"#));
        assert!(refused(&jwe).is_refused());
        assert_eq!(refused(&with_header(r#"{"alg":"HS256","enc":"A128GCM"}"#)), AuthError::Malformed);
        assert_eq!(refused(&with_header(r#"{"alg":"PBES2-HS256+A128KW","p2c":2147483647}"#)), AuthError::Algorithm);
    }
}

mod critical {
    use super::*;

    #[test]
    fn crit_in_any_form() {
        for crit in [r#"["exp"]"#, "[]", r#"["x","x"]"#, r#"["alg"]"#, r#"["absent"]"#, "null", "{}", r#"["b64"]"#] {
            let header = format!(r#"{{"alg":"HS256","crit":{crit},"x":1}}"#);
            assert_eq!(refused(&with_header(&header)), AuthError::Critical, "{crit}");
        }
    }

    #[test]
    fn unencoded_payloads() {
        let header = r#"{"alg":"HS256","b64":false,"crit":["b64"]}"#;
        assert_eq!(refused(&with_header(header)), AuthError::Critical);
        assert_eq!(refused(&with_header(r#"{"alg":"HS256","b64":false}"#)), AuthError::Critical);
    }
}

mod claim {
    use super::*;

    fn set(name: &str, value: &Value) -> Value {
        claims(|claims| claims[name] = value.clone())
    }

    fn without(name: &str) -> Value {
        claims(|claims| drop(claims.as_object_mut().unwrap().remove(name)))
    }

    #[test]
    fn times_of_the_wrong_type_are_not_absent() {
        let far = (NOW + 1000).to_string();
        for name in ["exp", "nbf", "iat"] {
            for value in [json!(far), json!(true), Value::Null, json!([NOW]), json!({}), json!(-1), json!("")] {
                assert_eq!(judge(&set(name, &value)).unwrap_err(), AuthError::Claims, "{name} {value}");
            }
        }
    }

    #[test]
    fn times_that_overflow_or_go_below_zero() {
        for number in
            ["1e308", "1e400", "-1e308", "18446744073709551615", "9223372036854775807", "-9223372036854775808"]
        {
            for name in ["exp", "nbf", "iat"] {
                let payload = without(name).to_string();
                let payload = format!("{{\"{name}\":{number},{}", &payload[1..]);
                assert!(refused(&raw(r#"{"alg":"HS256"}"#, &payload)).is_refused(), "{name} {number}");
            }
        }
        assert_eq!(judge(&set("exp", &json!(0))).unwrap_err(), AuthError::Expired);
        assert_eq!(judge(&set("exp", &json!(1))).unwrap_err(), AuthError::Expired);
    }

    /// RFC 7519: not on or after `exp`. One second later is one second too late, whatever the leeway.
    #[test]
    fn the_second_of_expiry() {
        let token = token(&set("exp", &json!(NOW)));
        for leeway in [0, 1, 60] {
            let clock = ManualClock::at(NOW + leeway - 1);
            let verifier =
                builder().key(hs256()).leeway(Duration::from_secs(leeway)).clock(clock.clone()).build().unwrap();
            assert!(verifier.verify::<Value>(&token).is_ok(), "{leeway}");
            clock.advance(Duration::from_secs(1));
            assert_eq!(verifier.verify::<Value>(&token).unwrap_err(), AuthError::Expired, "{leeway}");
        }
    }

    #[test]
    fn not_before() {
        assert!(judge(&set("nbf", &json!(NOW))).is_ok());
        assert!(judge(&set("nbf", &json!(NOW as f64 + 0.9))).is_ok());
        assert_eq!(judge(&set("nbf", &json!(NOW + 1))).unwrap_err(), AuthError::NotYetValid);
        let lenient = builder().key(hs256()).leeway(Duration::from_secs(5)).build().unwrap();
        assert!(lenient.verify::<Value>(&token(&set("nbf", &json!(NOW + 5)))).is_ok());
        assert!(lenient.verify::<Value>(&token(&set("nbf", &json!(NOW + 6)))).is_err());
    }

    #[test]
    fn a_token_without_end_needs_permission() {
        assert_eq!(judge(&without("exp")).unwrap_err(), AuthError::NoExpiry);
        let lenient = builder().key(hs256()).allow_missing_exp().build().unwrap();
        let verified = lenient.verify::<Value>(&token(&without("exp"))).unwrap();
        assert_eq!(verified.facts().exp(), None);
    }

    #[test]
    fn audience_in_every_shape() {
        for aud in [json!(AUDIENCE), json!([AUDIENCE]), json!(["other", AUDIENCE])] {
            assert!(judge(&set("aud", &aud)).is_ok(), "{aud}");
        }
        for aud in [json!(""), json!([]), json!(["other"]), json!(AUDIENCE.to_uppercase()), json!([""])] {
            assert_eq!(judge(&set("aud", &aud)).unwrap_err(), AuthError::Audience, "{aud}");
        }
        for aud in [json!(7), Value::Null, json!([AUDIENCE, 7]), json!({ AUDIENCE: 1 }), json!([[AUDIENCE]])] {
            assert_eq!(judge(&set("aud", &aud)).unwrap_err(), AuthError::Claims, "{aud}");
        }
        assert_eq!(judge(&without("aud")).unwrap_err(), AuthError::Audience);
    }

    #[test]
    fn issuer_in_every_shape() {
        assert_eq!(judge(&without("iss")).unwrap_err(), AuthError::Issuer);
        for iss in
            [json!("https://evil.example"), json!(""), json!(format!("{ISSUER}/")), json!(format!("{ISSUER}\u{0}"))]
        {
            assert_eq!(judge(&set("iss", &iss)).unwrap_err(), AuthError::Issuer, "{iss}");
        }
        for iss in [json!([ISSUER]), Value::Null, json!(1)] {
            assert_eq!(judge(&set("iss", &iss)).unwrap_err(), AuthError::Claims, "{iss}");
        }
    }

    #[test]
    fn names_of_the_wrong_type() {
        for name in ["sub", "jti", "sid"] {
            for value in [json!(7), Value::Null, json!(["x"]), json!({})] {
                assert_eq!(judge(&set(name, &value)).unwrap_err(), AuthError::Claims, "{name} {value}");
            }
        }
    }

    #[test]
    fn the_longest_lifetime_needs_a_beginning() {
        let verifier = builder().key(hs256()).max_lifetime(Duration::from_secs(110)).build().unwrap();
        let check = |claims: &Value| verifier.verify::<Value>(&token(claims)).map(|_| ());
        assert_eq!(check(&claims(|_| {})), Ok(()));
        assert_eq!(check(&set("exp", &json!(NOW + 101))), Err(AuthError::Lifetime));
        assert_eq!(check(&without("iat")), Err(AuthError::Lifetime));
        // Expires before it began.
        assert_eq!(check(&set("iat", &json!(NOW + 200))), Err(AuthError::Lifetime));
    }

    #[test]
    fn types_of_other_tokens() {
        for typ in ["logout+jwt", "dpop+jwt", "secevent+jwt", "JOSE", "at+jwt2"] {
            assert_eq!(refused(&with_header(&format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#))), AuthError::Type, "{typ}");
        }
        let strict = builder().key(hs256()).token_types(["at+jwt"]).build().unwrap();
        let check = |header: &str| strict.verify::<Value>(&with_header(header)).map(|_| ());
        assert_eq!(check(r#"{"alg":"HS256","typ":"application/AT+jwt"}"#), Ok(()));
        assert_eq!(check(r#"{"alg":"HS256","typ":"JWT"}"#), Err(AuthError::Type));
        assert_eq!(check(r#"{"alg":"HS256"}"#), Err(AuthError::Type));
    }

    #[test]
    fn claims_that_do_not_fit_the_callers_type() {
        #[derive(Debug, serde_derive::Deserialize)]
        struct Needs {
            #[expect(dead_code, reason = "only its presence matters")]
            role: String,
        }
        let refused = verifier().verify::<Needs>(&token(&claims(|_| {}))).unwrap_err();
        assert_eq!(refused, AuthError::Claims);
    }
}

mod ecdsa {
    use super::*;

    #[test]
    fn der_signatures_and_wrong_lengths() {
        let key = signing_key(Algorithm::ES256);
        let verifier = builder().key(key.verify_key()).build().unwrap();
        let token = key.sign(&claims(|_| {})).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        use base64::Engine as _;
        let signature = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut der = vec![0x30, 0x44, 2, 32];
        der.extend_from_slice(&signature[..32]);
        der.extend_from_slice(&[2, 32]);
        der.extend_from_slice(&signature[32..]);
        for bad in [der, signature[1..].to_vec(), [&signature[..], &[0]].concat(), vec![0; 64], vec![]] {
            let token = format!("{input}.{}", b64(bad));
            assert_eq!(verifier.verify::<Value>(&token).unwrap_err(), AuthError::Signature);
        }
    }

    /// `(r, n - s)` verifies wherever `(r, s)` does: two strings, one token. Both must be named alike.
    #[test]
    fn a_malleable_signature_does_not_change_the_tokens_name() {
        const ORDER: [u8; 32] = [
            0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad,
            0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
        ];
        use base64::Engine as _;
        let key = signing_key(Algorithm::ES256);
        let unnamed = claims(|claims| drop(claims.as_object_mut().unwrap().remove("jti")));
        let token = key.sign(&unnamed).unwrap();
        let (input, signature) = token.rsplit_once('.').unwrap();
        let mut twin = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut borrow = 0;
        for at in (0..32).rev() {
            let difference = i16::from(ORDER[at]) - i16::from(twin[32 + at]) - borrow;
            borrow = i16::from(difference < 0);
            twin[32 + at] = difference.rem_euclid(256) as u8;
        }
        let twin = format!("{input}.{}", b64(twin));
        assert_ne!(twin, token);
        for verifier in crate::support::verifiers(&key.verify_key()) {
            let name =
                |token: &str| verifier.verify::<Value>(token).map(|verified| format!("{:?}", verified.facts().id()));
            assert_eq!(name(&token), name(&twin));
            let (first, second) = (verifier.verify::<Value>(&token).unwrap(), verifier.verify::<Value>(&twin).unwrap());
            assert_eq!(first.facts().id(), second.facts().id());
        }
    }
}

#[test]
fn every_refusal_answers_alike() {
    let answers: std::collections::HashSet<_> = [
        refused("x"),
        refused(&with_header(r#"{"alg":"none"}"#)),
        refused(&format!("{}x", token(&claims(|_| {})))),
        judge(&claims(|claims| claims["exp"] = json!(1))).unwrap_err(),
        judge(&claims(|claims| claims["iss"] = json!("other"))).unwrap_err(),
    ]
    .iter()
    .map(|error| (error.status(), error.www_authenticate(), error.retry_after()))
    .collect();
    assert_eq!(answers.len(), 1);
    assert_eq!(SECRET.len(), 32);
}
