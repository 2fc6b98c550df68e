//! jiter decodes into a type only by hand, one step after the other, as its documentation shows. That is no derive, and is
//! written for one order of fields; it is what one writes who wants its speed.

use covet_bench::workload::users::{Address, User};
use covet_bench::{Answer, Bench, Throughput, black_box};
use jiter::{Jiter, JiterResult, JsonValue, NumberInt, Peek};

/// Fifty users by hand, beside two derives.
pub(super) fn by_hand(bench: &mut Bench, document: &[u8]) {
    let Some(mut group) = bench.group("json: decode 50 users, jiter by hand") else { return };
    group.throughput(Throughput::Bytes(document.len() as u64));
    let check = |users: &Option<Vec<User>>| Answer::debug(users);
    group.contender("covet-json", || covet_json::from_slice::<Vec<User>>(black_box(document)).ok(), check).ours();
    group.contender("serde_json", || serde_json::from_slice::<Vec<User>>(black_box(document)).ok(), check);
    group
        .contender("jiter", || users(black_box(document)).ok(), check)
        .note("written by hand for one order of fields; the others are derived and take any");
    group.baseline("serde_json");
    group.run();
}

fn users(document: &[u8]) -> JiterResult<Vec<User>> {
    let mut jiter = Jiter::new(document);
    let mut users = Vec::new();
    let mut more = jiter.next_array()?;
    while more.is_some() {
        users.push(user(&mut jiter)?);
        more = jiter.array_step()?;
    }
    jiter.finish()?;
    Ok(users)
}

fn user(jiter: &mut Jiter<'_>) -> JiterResult<User> {
    jiter.next_object()?;
    let id = match jiter.next_int()? {
        NumberInt::Int(id) => id as u64,
        #[allow(unreachable_patterns, reason = "big integers exist only where another crate asks for the feature")]
        _ => 0,
    };
    jiter.next_key()?;
    let name = jiter.next_str()?.to_owned();
    jiter.next_key()?;
    let email = jiter.next_str()?.to_owned();
    jiter.next_key()?;
    let active = jiter.next_bool()?;
    jiter.next_key()?;
    let score = jiter.next_float()?;
    jiter.next_key()?;
    let mut tags = Vec::new();
    let mut more = jiter.next_array()?;
    while more.is_some() {
        tags.push(jiter.known_str()?.to_owned());
        more = jiter.array_step()?;
    }
    jiter.next_key()?;
    let joined = jiter.next_str()?.to_owned();
    jiter.next_key()?;
    let address = if jiter.peek()? == Peek::Null {
        jiter.known_null()?;
        None
    } else {
        jiter.known_object()?;
        let city = jiter.next_str()?.to_owned();
        jiter.next_key()?;
        let zip = jiter.next_str()?.to_owned();
        jiter.next_key()?;
        Some(Address { city, zip })
    };
    jiter.next_key()?;
    Ok(User { id, name, email, active, score, tags, joined, address })
}

/// jiter's tree as an answer: it does not serialise.
pub(super) fn answer(tree: &Option<JsonValue<'static>>) -> Answer {
    let document = tree.as_ref().and_then(|tree| serde_json::to_vec(&value(tree)).ok());
    document.map_or_else(|| Answer::from("failed"), |document| Answer::json(&document))
}

fn value(tree: &JsonValue<'_>) -> serde_json::Value {
    match tree {
        JsonValue::Null => serde_json::Value::Null,
        JsonValue::Bool(bool) => (*bool).into(),
        JsonValue::Int(int) => (*int).into(),
        JsonValue::Float(float) => (*float).into(),
        JsonValue::Str(text) => text.as_ref().into(),
        JsonValue::Array(items) => items.iter().map(value).collect(),
        JsonValue::Object(members) => members.iter().map(|(key, member)| (key.to_string(), value(member))).collect(),
        #[allow(unreachable_patterns, reason = "big integers exist only where another crate asks for the feature")]
        _ => "a big integer".into(),
    }
}
