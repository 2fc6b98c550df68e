use proptest::prelude::*;

use super::*;

/// What the contract says about a number's text, by way of the standard library.
fn oracle(text: &str) -> Option<Number> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.bytes().all(|b| b.is_ascii_digit()) && text != "-0" {
        if let Ok(value) = text.parse() {
            return Some(Number::Unsigned(value));
        }
        if let Ok(value) = text.parse() {
            return Some(Number::Signed(value));
        }
    }
    let value: f64 = text.parse().unwrap();
    value.is_finite().then_some(Number::Float(value))
}

fn bits(number: Number) -> (u8, u64) {
    match number {
        Number::Unsigned(value) => (0, value),
        Number::Signed(value) => (1, value.cast_unsigned()),
        Number::Float(value) => (2, value.to_bits()),
    }
}

fn check(text: &str) {
    let expected = oracle(text).map(|number| (bits(number), text.len()));
    // Whatever follows must not matter, and there may be nothing behind.
    for tail in ["", ",", "        ", "]xxxxxxxxxxxxxxxx", "}99999999999999"] {
        let whole = format!("{text}{tail}");
        let found = parse(whole.as_bytes()).ok().map(|(number, len)| (bits(number), len));
        assert_eq!(found, expected, "{whole}");
        assert_eq!(skip(whole.as_bytes()).ok(), expected.map(|(_, len)| len), "{whole}");
        if let Some((number, len)) = short(whole.as_bytes()) {
            assert_eq!(Some((bits(number), len)), expected, "{whole}");
        }
        // The quick way to a double refuses nothing but what ends with the text or is wrong.
        let quick = double(whole.as_bytes()).map(|(value, len)| (value.to_bits(), len));
        let nearest: f64 = text.parse().unwrap();
        let goes_on = nearest.is_finite() && !tail.is_empty();
        assert_eq!(quick, goes_on.then_some((nearest.to_bits(), text.len())), "{whole}");
        let double = parse_f64(whole.as_bytes()).ok();
        let nearest: f64 = text.parse().unwrap();
        let nearest = nearest.is_finite().then_some((nearest.to_bits(), text.len()));
        assert_eq!(double.map(|(value, len)| (value.to_bits(), len)), nearest, "{whole}");
        if let Some((value, len)) = double {
            let single: f32 = text.parse().unwrap();
            assert_eq!(narrow(&whole.as_bytes()[..len], value).to_bits(), single.to_bits(), "{whole}");
        }
    }
}

#[test]
fn integers_at_the_edges() {
    for text in [
        "0",
        "-0",
        "1",
        "-1",
        "9",
        "10",
        "12345678",
        "123456789",
        "9007199254740993",
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "-9223372036854775808",
        "-9223372036854775809",
        "-9999999999999999999",
        "9999999999999999999",
        "18446744073709551615",
        "18446744073709551616",
        "10000000000000000000",
        "99999999999999999999",
        "-18446744073709551615",
        "184467440737095516150",
        "340282366920938463463374607431768211455",
    ] {
        check(text);
    }
}

#[test]
fn hard_floats() {
    for text in [
        "0.0",
        "-0.0",
        "-0e1",
        "0e999999999999",
        "-0e-99999999999999999999",
        "1e400",
        "-1e400",
        "1e-400",
        "1.5",
        "3.14",
        "1e22",
        "1e23",
        "8.5e22",
        "9007199254740993.0",
        "9007199254740992.5",
        "9007199254740991.5",
        "5e-324",
        "2.5e-324",
        "2.4703282292062327e-324",
        "2.4703282292062328e-324",
        "4.9406564584124654e-324",
        "2.2250738585072011e-308",
        "2.2250738585072014e-308",
        "2.225073858507201e-308",
        "1.7976931348623157e308",
        "1.7976931348623158e308",
        "1.7976931348623159e308",
        "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880",
        "0.1",
        "0.3",
        "123456.789e-2",
        "1E5",
        "1e+5",
        "1e-5",
        "0.000001",
        "7.2057594037927933e16",
        "6.02214076e23",
        "9223372036854775808.5",
        "1.00000000000000011102230246251565404236316680908203125",
        "1.00000000000000011102230246251565404236316680908203124",
        "1.00000000000000011102230246251565404236316680908203126",
        "0.5000000000000000277555756156289135105907917022705078125",
        "1448997445238699",
        "9214843084008499",
        "6.631236846766476e-316",
        "3.2378839133029012895883524125015321748630094231465e-319",
        "1e-323",
        "0.1e-322",
        "100000000000000016777215",
        "100000000000000016777216",
        "8.98846567431158e307",
        "1.401298464324817e-45",
        "7.006492321624085e-46",
        "7.006492321624086e-46",
        "1.1754943508222875e-38",
        "3.4028235677973366e38",
        "3.4028235e38",
        "1.00000005960464477539062500001",
        "16777217",
        "16777217.0000001",
    ] {
        check(text);
    }
    // Every power of ten and its neighbours.
    for power in -350..=310 {
        for digits in ["1", "9", "17", "9007199254740993", "18446744073709551615", "1234567890123456789"] {
            check(&format!("{digits}e{power}"));
            check(&format!("-{digits}.5e{power}"));
        }
    }
}

#[test]
fn rejected_text() {
    for text in [
        "",
        "-",
        "+1",
        ".5",
        "-.5",
        "1.",
        "1.e5",
        "1e",
        "1e+",
        "1e-",
        "01",
        "-01",
        "00",
        "1.x",
        "--1",
        "-a",
        "0x",
        "NaN",
        "e5",
        "01.5",
        "012345678",
    ] {
        let parsed = parse(text.as_bytes()).map(|(_, len)| len);
        // "0x" holds a valid `0`, and the caller complains about what follows.
        assert!(parsed.is_err() || (text == "0x" && parsed.ok() == Some(1)), "{text}");
        if text != "0x" {
            assert!(skip(text.as_bytes()).is_err() && parse_f64(text.as_bytes()).is_err(), "{text}");
        }
    }
}

#[test]
fn integers_of_128_bits() {
    let max = u128::MAX.to_string();
    assert_eq!(parse_128(max.as_bytes()).unwrap(), (false, u128::MAX, max.len()));
    assert_eq!(parse_128(b"-17,").unwrap(), (true, 17, 3));
    assert!(parse_128(format!("{max}0").as_bytes()).is_err());
    for text in ["", "-", "01", "x"] {
        assert!(parse_128(text.as_bytes()).is_err());
    }
}

proptest! {
    #[test]
    fn doubles_round_trip(bits: u64) {
        let value = f64::from_bits(bits);
        if value.is_finite() {
            check(&format!("{value:e}"));
            check(&format!("{value:.17e}"));
        }
    }

    #[test]
    fn half_way_between_doubles(bits in 0u64..0x7FE0_0000_0000_0000, digits in 17usize..40) {
        // The decimal expansion of a midpoint, cut at various lengths.
        let low = f64::from_bits(bits);
        let high = f64::from_bits(bits + 1);
        let middle = low / 2.0 + high / 2.0;
        check(&format!("{middle:.digits$e}"));
        check(&format!("{low:.digits$e}"));
    }

    #[test]
    fn arbitrary_numbers(text in "-?(0|[1-9][0-9]{0,24})(\\.[0-9]{1,24})?([eE][+-]?[0-9]{1,4})?") {
        check(&text);
    }

    #[test]
    fn integers(value: i128) {
        check(&value.to_string());
        check(&(value as i64).to_string());
        check(&(value as u16).to_string());
    }
}

/// Every decimal of few digits, and what only looks like one.
#[test]
fn short_decimals() {
    let mut taken = 0;
    for value in 0..100_000 {
        for places in 1..=6 {
            let digits = format!("{value:0width$}", width = places + 1);
            let (whole, fraction) = digits.split_at(digits.len() - places);
            let text = format!("{whole}.{fraction}");
            let found = short_decimal(format!("{text},0123456").as_bytes());
            assert_eq!(found.is_some(), text.len() < 8, "{text}");
            if let Some((double, len)) = found {
                assert_eq!((double.to_bits(), len), (text.parse::<f64>().unwrap().to_bits(), text.len()), "{text}");
                taken += 1;
            }
        }
    }
    assert!(taken > 400_000);
    for text in [
        "00.5,,,,", "1.,,,,,,", ".5,,,,,,", "1.5e3,,,", "1.5E3,,,", "-1.5,,,,", "1234567.", "1.234567", "12345678",
        "1.5",
    ] {
        assert_eq!(short_decimal(text.as_bytes()), None, "{text}");
    }
}
