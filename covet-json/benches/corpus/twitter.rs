//! A search result: pretty-printed, much text beyond ASCII, many fields. Every field of the document is decoded.

use serde::{Deserialize, Serialize};

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Twitter {
    pub(crate) statuses: Vec<Status>,
    pub(crate) search_metadata: SearchMetadata,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Status {
    pub(crate) metadata: Metadata,
    pub(crate) created_at: String,
    pub(crate) id: u64,
    pub(crate) id_str: String,
    pub(crate) text: String,
    pub(crate) source: String,
    pub(crate) truncated: bool,
    pub(crate) in_reply_to_status_id: Option<u64>,
    pub(crate) in_reply_to_status_id_str: Option<String>,
    pub(crate) in_reply_to_user_id: Option<u64>,
    pub(crate) in_reply_to_user_id_str: Option<String>,
    pub(crate) in_reply_to_screen_name: Option<String>,
    pub(crate) user: User,
    pub(crate) geo: (),
    pub(crate) coordinates: (),
    pub(crate) place: (),
    pub(crate) contributors: (),
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) retweeted_status: Option<Box<Status>>,
    pub(crate) retweet_count: u32,
    pub(crate) favorite_count: u32,
    pub(crate) entities: StatusEntities,
    pub(crate) favorited: bool,
    pub(crate) retweeted: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) possibly_sensitive: Option<bool>,
    pub(crate) lang: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Metadata {
    pub(crate) result_type: String,
    pub(crate) iso_language_code: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct User {
    pub(crate) id: u64,
    pub(crate) id_str: String,
    pub(crate) name: String,
    pub(crate) screen_name: String,
    pub(crate) location: String,
    pub(crate) description: String,
    pub(crate) url: Option<String>,
    pub(crate) entities: UserEntities,
    pub(crate) protected: bool,
    pub(crate) followers_count: u32,
    pub(crate) friends_count: u32,
    pub(crate) listed_count: u32,
    pub(crate) created_at: String,
    pub(crate) favourites_count: u32,
    pub(crate) utc_offset: Option<i32>,
    pub(crate) time_zone: Option<String>,
    pub(crate) geo_enabled: bool,
    pub(crate) verified: bool,
    pub(crate) statuses_count: u32,
    pub(crate) lang: String,
    pub(crate) contributors_enabled: bool,
    pub(crate) is_translator: bool,
    pub(crate) is_translation_enabled: bool,
    pub(crate) profile_background_color: String,
    pub(crate) profile_background_image_url: String,
    pub(crate) profile_background_image_url_https: String,
    pub(crate) profile_background_tile: bool,
    pub(crate) profile_image_url: String,
    pub(crate) profile_image_url_https: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) profile_banner_url: Option<String>,
    pub(crate) profile_link_color: String,
    pub(crate) profile_sidebar_border_color: String,
    pub(crate) profile_sidebar_fill_color: String,
    pub(crate) profile_text_color: String,
    pub(crate) profile_use_background_image: bool,
    pub(crate) default_profile: bool,
    pub(crate) default_profile_image: bool,
    pub(crate) following: bool,
    pub(crate) follow_request_sent: bool,
    pub(crate) notifications: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct UserEntities {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<Urls>,
    pub(crate) description: Urls,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Urls {
    pub(crate) urls: Vec<Url>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Url {
    pub(crate) url: String,
    pub(crate) expanded_url: String,
    pub(crate) display_url: String,
    pub(crate) indices: (u8, u8),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusEntities {
    pub(crate) hashtags: Vec<Hashtag>,
    pub(crate) symbols: Vec<()>,
    pub(crate) urls: Vec<Url>,
    pub(crate) user_mentions: Vec<Mention>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) media: Vec<Media>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Hashtag {
    pub(crate) text: String,
    pub(crate) indices: (u8, u8),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Mention {
    pub(crate) screen_name: String,
    pub(crate) name: String,
    pub(crate) id: u64,
    pub(crate) id_str: String,
    pub(crate) indices: (u8, u8),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Media {
    pub(crate) id: u64,
    pub(crate) id_str: String,
    pub(crate) indices: (u8, u8),
    pub(crate) media_url: String,
    pub(crate) media_url_https: String,
    pub(crate) url: String,
    pub(crate) display_url: String,
    pub(crate) expanded_url: String,
    #[serde(rename = "type")]
    pub(crate) kind: String,
    pub(crate) sizes: Sizes,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_status_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) source_status_id_str: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sizes {
    pub(crate) medium: Size,
    pub(crate) small: Size,
    pub(crate) thumb: Size,
    pub(crate) large: Size,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Size {
    pub(crate) w: u16,
    pub(crate) h: u16,
    pub(crate) resize: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchMetadata {
    pub(crate) completed_in: f64,
    pub(crate) max_id: u64,
    pub(crate) max_id_str: String,
    pub(crate) next_results: String,
    pub(crate) query: String,
    pub(crate) refresh_url: String,
    pub(crate) count: u32,
    pub(crate) since_id: u64,
    pub(crate) since_id_str: String,
}
