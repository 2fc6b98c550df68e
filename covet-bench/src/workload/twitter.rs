//! The types of a social-network search result: those of twitter.json, the corpus of many JSON benchmarks.
//!
//! Every type is generic in `S`, text that never holds an escape, and `T`, text that may. [`TwitterSearch`] owns both;
//! [`TwitterSearchRef`] borrows.
#![allow(missing_docs, reason = "the fields are the documents' own")]

use serde::{Deserialize, Serialize};

use super::text::Text;

/// A search result that owns its text.
pub type TwitterSearch = Search<String, String>;
/// A search result that borrows its text from the document.
pub type TwitterSearchRef<'a> = Search<&'a str, Text<'a>>;

/// A whole search result.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Search<S, T> {
    pub statuses: Vec<Status<S, T>>,
    pub search_metadata: SearchMetadata<S>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SearchMetadata<S = String> {
    pub completed_in: f64,
    pub max_id: u64,
    pub max_id_str: S,
    pub next_results: S,
    pub query: S,
    pub refresh_url: S,
    pub count: u32,
    pub since_id: u64,
    pub since_id_str: S,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status<S = String, T = String> {
    pub metadata: Metadata<S>,
    pub created_at: S,
    pub id: u64,
    pub id_str: S,
    pub text: T,
    pub source: T,
    pub truncated: bool,
    pub in_reply_to_status_id: Option<u64>,
    pub in_reply_to_status_id_str: Option<S>,
    pub in_reply_to_user_id: Option<u64>,
    pub in_reply_to_user_id_str: Option<S>,
    pub in_reply_to_screen_name: Option<S>,
    pub user: TwitterUser<S, T>,
    pub geo: Option<()>,
    pub coordinates: Option<()>,
    pub place: Option<()>,
    pub contributors: Option<()>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retweeted_status: Option<Box<Status<S, T>>>,
    pub retweet_count: u32,
    pub favorite_count: u32,
    pub entities: Entities<S, T>,
    pub favorited: bool,
    pub retweeted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub possibly_sensitive: Option<bool>,
    pub lang: S,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Metadata<S = String> {
    pub result_type: S,
    pub iso_language_code: S,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TwitterUser<S = String, T = String> {
    pub id: u64,
    pub id_str: S,
    pub name: T,
    pub screen_name: S,
    pub location: T,
    pub description: T,
    pub url: Option<S>,
    pub entities: UserEntities<S>,
    pub protected: bool,
    pub followers_count: u32,
    pub friends_count: u32,
    pub listed_count: u32,
    pub created_at: S,
    pub favourites_count: u32,
    pub utc_offset: Option<i32>,
    pub time_zone: Option<S>,
    pub geo_enabled: bool,
    pub verified: bool,
    pub statuses_count: u32,
    pub lang: S,
    pub contributors_enabled: bool,
    pub is_translator: bool,
    pub is_translation_enabled: bool,
    pub profile_background_color: S,
    pub profile_background_image_url: S,
    pub profile_background_image_url_https: S,
    pub profile_background_tile: bool,
    pub profile_image_url: S,
    pub profile_image_url_https: S,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile_banner_url: Option<S>,
    pub profile_link_color: S,
    pub profile_sidebar_border_color: S,
    pub profile_sidebar_fill_color: S,
    pub profile_text_color: S,
    pub profile_use_background_image: bool,
    pub default_profile: bool,
    pub default_profile_image: bool,
    pub following: bool,
    pub follow_request_sent: bool,
    pub notifications: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserEntities<S = String> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub url: Option<UrlList<S>>,
    pub description: UrlList<S>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UrlList<S = String> {
    pub urls: Vec<EntityUrl<S>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntityUrl<S = String> {
    pub url: S,
    pub expanded_url: S,
    pub display_url: S,
    pub indices: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entities<S = String, T = String> {
    pub hashtags: Vec<Hashtag<T>>,
    pub symbols: Vec<()>,
    pub urls: Vec<EntityUrl<S>>,
    pub user_mentions: Vec<UserMention<S, T>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub media: Option<Vec<Media<S>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hashtag<T = String> {
    pub text: T,
    pub indices: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserMention<S = String, T = String> {
    pub screen_name: S,
    pub name: T,
    pub id: u64,
    pub id_str: S,
    pub indices: Vec<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Media<S = String> {
    pub id: u64,
    pub id_str: S,
    pub indices: Vec<u32>,
    pub media_url: S,
    pub media_url_https: S,
    pub url: S,
    pub display_url: S,
    pub expanded_url: S,
    #[serde(rename = "type")]
    pub kind: S,
    pub sizes: Sizes<S>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_status_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source_status_id_str: Option<S>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes<S = String> {
    pub medium: Size<S>,
    pub small: Size<S>,
    pub thumb: Size<S>,
    pub large: Size<S>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Size<S = String> {
    pub w: u32,
    pub h: u32,
    pub resize: S,
}
