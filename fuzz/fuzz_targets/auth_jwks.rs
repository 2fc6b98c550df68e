//! Keys from outside: JWK sets, single JWKs, PEM and DER. A key that was read must be written as what it was.
#![no_main]

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use covet_auth::{Algorithm, Jwks, VerifyKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let document = data.to_vec();
    let jwks = Jwks::builder("issuer")
        .fetch(move || {
            let document = document.clone();
            async move { Ok::<_, std::io::Error>(document) }
        })
        .build()
        .unwrap();
    let mut context = Context::from_waker(Waker::noop());
    let Poll::Ready(outcome) = pin!(jwks.refresh()).poll(&mut context) else { panic!("nothing to wait for") };
    assert_eq!(outcome.is_ok(), jwks.status().keys > 0);

    for algorithm in Algorithm::ALL {
        let from_der = VerifyKey::from_der(algorithm, data).ok();
        let text = std::str::from_utf8(data).ok();
        let from_pem = text.and_then(|text| VerifyKey::from_pem(algorithm, text).ok());
        let from_jwk = text.and_then(|text| VerifyKey::from_jwk_as(algorithm, text).ok());
        for key in [from_der, from_pem, from_jwk].into_iter().flatten() {
            assert_eq!(key.algorithm(), algorithm);
            let Some(written) = key.to_jwk() else { continue };
            let again = VerifyKey::from_jwk(&written).expect("what is written can be read");
            assert_eq!(again.to_jwk().as_ref(), Some(&written));
        }
    }
});
