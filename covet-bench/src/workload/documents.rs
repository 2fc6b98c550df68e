//! Generated documents with the shape of well-known JSON corpora: social-network statuses (text in many scripts, deep objects,
//! many fields) and a ticket catalogue (maps keyed by number, long arrays of small integers), a list of numbers, one long
//! string. They decode into the same types as the real files, which [`corpus`](super::corpus) loads where they are present.

use std::collections::BTreeMap;

use super::catalog::{Area, Catalog, Event, Performance, Price, SeatCategory};
use super::twitter::{
    Entities, EntityUrl, Hashtag, Metadata, SearchMetadata, Status, TwitterSearch, TwitterUser, UrlList, UserEntities,
    UserMention,
};
use crate::Rng;

/// The number of statuses in [`twitter_like`].
const STATUSES: usize = 100;

/// A search result of a hundred statuses, compact, most of it text; decodes as
/// [`TwitterSearch`].
#[must_use]
pub fn twitter_like() -> Vec<u8> {
    super::compact(&twitter_like_value())
}

/// The value of [`twitter_like`], to be encoded.
#[must_use]
pub fn twitter_like_value() -> TwitterSearch {
    let mut rng = Rng::new(0x7417);
    let statuses: Vec<Status> = (0..STATUSES).map(|_| status(&mut rng, 1)).collect();
    let max_id = statuses.first().map_or(0, |status| status.id);
    TwitterSearch {
        statuses,
        search_metadata: SearchMetadata {
            completed_in: 0.087,
            max_id,
            max_id_str: max_id.to_string(),
            next_results: format!("?max_id={max_id}&q=%E3%81%82&count=100&include_entities=1"),
            query: "%E3%81%82".to_owned(),
            refresh_url: format!("?since_id={max_id}&q=%E3%81%82&include_entities=1"),
            count: STATUSES as u32,
            since_id: 0,
            since_id_str: "0".to_owned(),
        },
    }
}

/// Fragments of text: scripts of two and three bytes, symbols of four, escapes, plain ASCII.
const PHRASES: [&str; 14] = [
    "good morning",
    "レスポンスが速い",
    "今日はとても良い天気です",
    "\n\n",
    "see you at the \"meetup\"",
    "смотри сюда",
    "✨🚀",
    "c'est déjà l'été",
    "100% sure & counting",
    "バージョン二",
    "path\\to\\file",
    "🎉🎉🎉",
    "ありがとうございます",
    "one more thing:",
];

fn text(rng: &mut Rng, phrases: u64) -> String {
    let parts: Vec<&str> = (0..phrases).map(|_| *rng.pick(&PHRASES)).collect();
    parts.join(" ")
}

fn timestamp(rng: &mut Rng) -> String {
    const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
    const MONTHS: [&str; 4] = ["Jan", "Apr", "Aug", "Nov"];
    format!(
        "{} {} {:02} {:02}:{:02}:{:02} +0000 20{}",
        rng.pick(&DAYS),
        rng.pick(&MONTHS),
        rng.between(1, 28),
        rng.below(24),
        rng.below(60),
        rng.below(60),
        rng.between(10, 25)
    )
}

fn entity_url(rng: &mut Rng) -> EntityUrl {
    let mut code = String::new();
    rng.hex(10, &mut code);
    let start = rng.below(100) as u32;
    EntityUrl {
        url: format!("http://t.example/{code}"),
        expanded_url: format!("http://www.example.com/articles/{code}/index.html"),
        display_url: format!("example.com/articles/{}…", &code[..4]),
        indices: vec![start, start + 22],
    }
}

fn status(rng: &mut Rng, depth: u32) -> Status {
    let id = rng.between(500_000_000_000_000_000, 505_874_924_095_815_700);
    let reply = rng.one_in(3).then(|| rng.between(1_000_000, 3_000_000_000));
    let mentions = (0..rng.below(3)).map(|_| mention(rng)).collect();
    let hashtags =
        (0..rng.below(2)).map(|_| Hashtag { text: "日本語タグ".to_owned(), indices: vec![10, 16] }).collect();
    let urls = (0..rng.below(2)).map(|_| entity_url(rng)).collect();
    let retweeted_status = (depth > 0 && !rng.one_in(4)).then(|| Box::new(status(rng, depth - 1)));
    let phrases = rng.between(3, 8);
    Status {
        metadata: Metadata { result_type: "recent".to_owned(), iso_language_code: "ja".to_owned() },
        created_at: timestamp(rng),
        id,
        id_str: id.to_string(),
        text: text(rng, phrases),
        source: "<a href=\"http://example.com/download/phone\" rel=\"nofollow\">Example for Phone</a>".to_owned(),
        truncated: false,
        in_reply_to_status_id: None,
        in_reply_to_status_id_str: None,
        in_reply_to_user_id: reply,
        in_reply_to_user_id_str: reply.map(|id| id.to_string()),
        in_reply_to_screen_name: reply.map(|id| format!("user_{id:x}")),
        user: user(rng),
        geo: None,
        coordinates: None,
        place: None,
        contributors: None,
        retweeted_status,
        retweet_count: rng.below(2_000) as u32,
        favorite_count: rng.below(500) as u32,
        entities: Entities { hashtags, symbols: Vec::new(), urls, user_mentions: mentions, media: None },
        favorited: false,
        retweeted: false,
        possibly_sensitive: rng.one_in(6).then_some(false),
        lang: "ja".to_owned(),
    }
}

fn mention(rng: &mut Rng) -> UserMention {
    let id = rng.between(1_000_000, 3_000_000_000);
    UserMention {
        screen_name: format!("user_{id:x}"),
        name: text(rng, 1),
        id,
        id_str: id.to_string(),
        indices: vec![3, 3 + rng.below(15) as u32],
    }
}

fn user(rng: &mut Rng) -> TwitterUser {
    let id = rng.between(1_000_000, 3_000_000_000);
    let mut color = String::new();
    rng.hex(6, &mut color);
    let color = color.to_uppercase();
    let phrases = rng.between(1, 6);
    let own_url = rng.one_in(5).then(|| UrlList { urls: vec![entity_url(rng)] });
    TwitterUser {
        id,
        id_str: id.to_string(),
        name: text(rng, 1),
        screen_name: format!("user_{id:x}"),
        location: if rng.one_in(2) { String::new() } else { "東京都".to_owned() },
        description: text(rng, phrases),
        url: own_url.as_ref().map(|list| list.urls[0].url.clone()),
        entities: UserEntities { url: own_url, description: UrlList { urls: Vec::new() } },
        protected: false,
        followers_count: rng.below(20_000) as u32,
        friends_count: rng.below(2_000) as u32,
        listed_count: rng.below(50) as u32,
        created_at: timestamp(rng),
        favourites_count: rng.below(10_000) as u32,
        utc_offset: rng.one_in(3).then(|| if rng.one_in(2) { 32_400 } else { -25_200 }),
        time_zone: rng.one_in(3).then(|| "Tokyo".to_owned()),
        geo_enabled: rng.one_in(2),
        verified: false,
        statuses_count: rng.below(60_000) as u32,
        lang: "ja".to_owned(),
        contributors_enabled: false,
        is_translator: false,
        is_translation_enabled: false,
        profile_background_color: color.clone(),
        profile_background_image_url: "http://img.example/images/themes/theme1/bg.png".to_owned(),
        profile_background_image_url_https: "https://img.example/images/themes/theme1/bg.png".to_owned(),
        profile_background_tile: rng.one_in(4),
        profile_image_url: format!("http://img.example/profile_images/{id}/portrait_normal.jpeg"),
        profile_image_url_https: format!("https://img.example/profile_images/{id}/portrait_normal.jpeg"),
        profile_banner_url: (!rng.one_in(7)).then(|| format!("https://img.example/profile_banners/{id}/1409318784")),
        profile_link_color: color.clone(),
        profile_sidebar_border_color: "FFFFFF".to_owned(),
        profile_sidebar_fill_color: "EFEFEF".to_owned(),
        profile_text_color: color,
        profile_use_background_image: true,
        default_profile: rng.one_in(2),
        default_profile_image: false,
        following: false,
        follow_request_sent: false,
        notifications: false,
    }
}

/// A ticket catalogue, indented by four spaces as such exports are, most of it small integers and indentation; decodes as
/// [`Catalog`].
#[must_use]
pub fn catalog_like() -> Vec<u8> {
    super::indented(&catalog_like_value())
}

/// The value of [`catalog_like`], to be encoded.
#[must_use]
pub fn catalog_like_value() -> Catalog {
    let mut rng = Rng::new(0xC174);
    let names = |rng: &mut Rng, count: u64, word: &str| -> BTreeMap<String, String> {
        (0..count).map(|n| ((205_705_000 + n * 997 + rng.below(900)).to_string(), format!("{word} {n} côté"))).collect()
    };
    let area_names = names(&mut rng, 17, "Balcon");
    let seat_category_names = names(&mut rng, 64, "Catégorie");
    let topic_names = names(&mut rng, 4, "Genre");
    let sub_topic_names = names(&mut rng, 19, "Style");
    let ids = |map: &BTreeMap<String, String>| -> Vec<u64> { map.keys().filter_map(|key| key.parse().ok()).collect() };
    let (areas, seats, topics, sub_topics) =
        (ids(&area_names), ids(&seat_category_names), ids(&topic_names), ids(&sub_topic_names));
    let event_ids: Vec<u64> = (0..184).map(|n| 138_586_341 + n * 4).collect();
    let events = event_ids
        .iter()
        .map(|id| {
            let event = Event {
                description: None,
                id: *id,
                logo: rng.one_in(2).then(|| format!("/images/UE0AAAAACEKo{id}AAAAZDSVRN")),
                name: format!("Concert n° {id} d'été"),
                sub_topic_ids: (0..rng.between(1, 4)).map(|_| *rng.pick(&sub_topics)).collect(),
                subject_code: None,
                subtitle: None,
                topic_ids: (0..rng.between(1, 3)).map(|_| *rng.pick(&topics)).collect(),
            };
            (id.to_string(), event)
        })
        .collect();
    let performances = (0..243_u64).map(|n| performance(&mut rng, n, &event_ids, &areas, &seats)).collect();
    let topic_sub_topics = topics.iter().map(|topic| (topic.to_string(), sub_topics.clone())).collect();
    Catalog {
        area_names,
        audience_sub_category_names: BTreeMap::from([("337100890".to_owned(), "Abonné".to_owned())]),
        block_names: BTreeMap::new(),
        events,
        performances,
        seat_category_names,
        sub_topic_names,
        subject_names: BTreeMap::new(),
        topic_names,
        topic_sub_topics,
        venue_names: BTreeMap::from([("PLEYEL".to_owned(), "Salle Pleyel".to_owned())]),
    }
}

fn performance(rng: &mut Rng, n: u64, events: &[u64], areas: &[u64], seats: &[u64]) -> Performance {
    let categories: Vec<u64> = (0..rng.between(3, 6)).map(|_| *rng.pick(seats)).collect();
    Performance {
        event_id: *rng.pick(events),
        id: 339_887_544 + n * 31,
        logo: None,
        name: None,
        prices: categories
            .iter()
            .map(|seat| Price {
                amount: rng.between(10, 180) * 500,
                audience_sub_category_id: 337_100_890,
                seat_category_id: *seat,
            })
            .collect(),
        seat_categories: categories
            .iter()
            .map(|seat| SeatCategory {
                areas: (0..rng.between(4, 16))
                    .map(|_| Area { area_id: *rng.pick(areas), block_ids: Vec::new() })
                    .collect(),
                seat_category_id: *seat,
            })
            .collect(),
        seat_map_image: None,
        start: 1_372_701_600_000 + n * 86_400_000,
        venue_code: "PLEYEL".to_owned(),
    }
}

/// A document that is one string of a megabyte (10^6 characters of text between the quotes, ASCII, one escape in about a
/// thousand bytes); decodes as `String`, or as `Cow<str>` (not as `&str`, because of the escapes).
#[must_use]
pub fn one_string_1mb() -> Vec<u8> {
    super::compact(&one_string_1mb_value())
}

/// The value of [`one_string_1mb`], to be encoded.
#[must_use]
pub fn one_string_1mb_value() -> String {
    let mut rng = Rng::new(0x0057);
    let mut text = String::with_capacity(1_000_000);
    while text.len() < 1_000_000 {
        let byte = if rng.one_in(1_000) { b'\n' } else { rng.between(0x5e, 0x7e) as u8 };
        text.push(char::from(byte));
    }
    text
}

/// The numbers of [`numbers`].
#[must_use]
pub fn numbers_value() -> Vec<f64> {
    let mut rng = Rng::new(0x0123);
    (0..10_000)
        .map(|n| match n % 4 {
            // Small integers, prices, coordinates with full precision, and any exponent.
            0 => rng.below(100_000) as f64,
            1 => rng.below(10_000_000) as f64 / 100.0,
            2 => (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64 * 360.0 - 180.0,
            _ => loop {
                let number = f64::from_bits(rng.next_u64());
                if number.is_normal() {
                    break number;
                }
            },
        })
        .collect()
}

/// An array of ten thousand numbers: a quarter each of small integers, two-digit decimals, coordinates with seventeen digits
/// and random doubles of any exponent. Decodes as `Vec<f64>`.
#[must_use]
pub fn numbers() -> Vec<u8> {
    super::compact(&numbers_value())
}

/// An array of twenty thousand integers of all lengths, half of them negative. Decodes as `Vec<i64>`.
#[must_use]
pub fn integers() -> Vec<u8> {
    let mut rng = Rng::new(0x0124);
    let numbers: Vec<i64> = (0..20_000).map(|_| (rng.next_u64() as i64) >> rng.below(64)).collect();
    super::compact(&numbers)
}

#[cfg(test)]
mod tests {
    use super::super::catalog::CatalogRef;
    use super::super::twitter::TwitterSearchRef;
    use super::*;
    use crate::digest;

    #[test]
    fn the_documents_are_pinned() {
        let documents = [twitter_like(), catalog_like(), one_string_1mb(), numbers(), integers()];
        let seen = documents.map(|document| (document.len(), digest(&document)));
        let pinned = [
            (409_657, 0x542c_8341_9499_c567),
            (2_138_216, 0x7ab7_365e_e91d_e330),
            (1_000_989, 0x126b_a756_9ea9_51dc),
            (147_591, 0xeb6c_3769_d9ba_72f1),
            (221_660, 0xdd9b_6cc4_1d89_8d46),
        ];
        assert_eq!(seen, pinned, "changed bytes need a new workload::VERSION: {seen:#x?}");
    }

    #[test]
    fn the_documents_decode_as_what_they_were_made_from() {
        assert_eq!(serde_json::from_slice::<TwitterSearch>(&twitter_like()).unwrap(), twitter_like_value());
        assert_eq!(serde_json::from_slice::<Catalog>(&catalog_like()).unwrap(), catalog_like_value());
        assert_eq!(serde_json::from_slice::<String>(&one_string_1mb()).unwrap(), one_string_1mb_value());
        let integers: Vec<i64> = serde_json::from_slice(&integers()).unwrap();
        assert!(integers.contains(&0) && integers.iter().any(|n| *n < -(1 << 60)));
    }

    #[test]
    fn borrowed_types_say_the_same() {
        let (twitter, catalog) = (twitter_like(), catalog_like());
        let borrowed: TwitterSearchRef<'_> = serde_json::from_slice(&twitter).unwrap();
        assert_eq!(serde_json::to_vec(&borrowed).unwrap(), twitter);
        let borrowed: CatalogRef<'_> = serde_json::from_slice(&catalog).unwrap();
        assert_eq!(serde_json::to_vec(&borrowed).unwrap(), serde_json::to_vec(&catalog_like_value()).unwrap());
    }
}
