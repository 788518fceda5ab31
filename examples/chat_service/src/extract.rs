//! What handlers take from a request: axum's extractors, with the service's errors.

use axum::extract::{FromRequest, FromRequestParts};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use zenith_db::models::{Cursor, Page, PageSize, Paged};

use crate::error::ApiError;

/// Body of a request or an answer.
#[derive(FromRequest)]
#[from_request(via(axum::Json), rejection(ApiError))]
pub(crate) struct Json<T>(pub(crate) T);

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// What a path names.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Path), rejection(ApiError))]
pub(crate) struct Path<T>(pub(crate) T);

/// Parameters of a request.
#[derive(FromRequestParts)]
#[from_request(via(axum::extract::Query), rejection(ApiError))]
pub(crate) struct Query<T>(pub(crate) T);

/// Which page of a list: `?cursor=…&size=20`.
#[derive(Deserialize)]
#[serde(bound = "")]
pub(crate) struct PageQuery<Row: Paged> {
    /// The `next` of the page before; the first page without it.
    pub(crate) cursor: Option<Cursor<Row>>,
    size: Option<u32>,
}

impl<Row: Paged> PageQuery<Row> {
    pub(crate) fn size(&self) -> PageSize {
        self.size.map_or_else(PageSize::default, PageSize::of)
    }
}

/// Returns a page of what clients may see of the rows.
pub(crate) fn shown<'a, Row: Paged, View: From<&'a Row>>(page: &'a Page<Row>) -> Page<View, Row> {
    Page { rows: page.rows.iter().map(View::from).collect(), next: page.next }
}
