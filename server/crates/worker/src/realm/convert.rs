//! Values between JavaScript and JSON, by own properties alone: what a worker adds to the prototypes changes
//! nothing.

use rquickjs::{Array, ArrayBuffer, Ctx, FromJs, IntoJs, Object, Result, TypedArray, Value};
use serde_json::Value as Json;

/// How deep a value is followed.
const MAX_DEPTH: usize = 64;

/// A JavaScript value as JSON: own enumerable properties, no `toJSON`, functions and symbols as null.
pub(super) fn from_js(value: &Value<'_>, depth: usize) -> Result<Json> {
    if depth > MAX_DEPTH {
        return Ok(Json::Null);
    }
    if let Some(flag) = value.as_bool() {
        return Ok(flag.into());
    }
    if let Some(number) = value.as_int() {
        return Ok(number.into());
    }
    if let Some(number) = value.as_float() {
        #[expect(clippy::cast_possible_truncation, reason = "checked to be whole")]
        return Ok(if number.fract() == 0.0 && number.abs() < 9e15 {
            (number as i64).into()
        } else {
            number.into()
        });
    }
    if let Some(text) = value.as_string() {
        return Ok(text_of(text).into());
    }
    if let Some(array) = value.as_array() {
        let mut list = Vec::with_capacity(array.len());
        for item in array.iter::<Value>() {
            list.push(from_js(&item?, depth + 1)?);
        }
        return Ok(list.into());
    }
    if value.is_function() {
        return Ok(Json::Null);
    }
    if let Some(object) = value.as_object() {
        let mut map = serde_json::Map::new();
        for entry in object.own_props::<String, Value>(rquickjs::Filter::default()) {
            let (key, value) = entry?;
            map.insert(key, from_js(&value, depth + 1)?);
        }
        return Ok(map.into());
    }
    Ok(Json::Null)
}

/// JSON as a JavaScript value; objects have the ordinary prototype.
pub(super) fn to_js<'js>(ctx: &Ctx<'js>, value: &Json) -> Result<Value<'js>> {
    match value {
        Json::Null => Ok(Value::new_null(ctx.clone())),
        Json::Bool(flag) => flag.into_js(ctx),
        Json::Number(number) => number.as_f64().into_js(ctx),
        Json::String(text) => text.into_js(ctx),
        Json::Array(list) => {
            let array = Array::new(ctx.clone())?;
            for (index, item) in list.iter().enumerate() {
                // Defined, not set: the prototype of arrays may have setters of the worker's.
                let item = rquickjs::object::Property::from(to_js(ctx, item)?);
                let index = i32::try_from(index).unwrap_or(i32::MAX);
                array
                    .as_object()
                    .prop(index, item.writable().enumerable().configurable())?;
            }
            array.into_js(ctx)
        }
        Json::Object(map) => {
            let object = Object::new(ctx.clone())?;
            for (key, item) in map {
                object.prop(
                    key.as_str(),
                    rquickjs::object::Property::from(to_js(ctx, item)?)
                        .writable()
                        .enumerable()
                        .configurable(),
                )?;
            }
            object.into_js(ctx)
        }
    }
}

/// A string's text; lone surrogates become U+FFFD (Web IDL, "USVString").
pub(super) fn text_of(text: &rquickjs::String<'_>) -> String {
    if let Ok(text) = text.to_string() {
        return text;
    }
    match text.clone().to_cstring() {
        Ok(raw) => String::from_utf8_lossy(&without_surrogates(wtf8_of(&raw))).into_owned(),
        Err(_) => String::new(),
    }
}

/// What the engine wrote: UTF-8, but for lone surrogates, which it encodes like any other code point.
#[expect(
    unsafe_code,
    reason = "the safe accessors would make a `str` of bytes that are no UTF-8"
)]
fn wtf8_of<'a>(raw: &'a rquickjs::CString<'_>) -> &'a [u8] {
    // SAFETY: `raw` owns `len` bytes at its pointer for as long as it lives.
    unsafe { std::slice::from_raw_parts(raw.as_ptr().cast::<u8>(), raw.len()) }
}

/// Lone surrogates, ED A0 80 to ED BF BF, replaced by U+FFFD.
fn without_surrogates(bytes: &[u8]) -> Vec<u8> {
    let mut replaced = bytes.to_vec();
    let mut at = 0;
    while let Some(found) = replaced[at..].iter().position(|byte| *byte == 0xed) {
        at += found;
        match replaced.get_mut(at..at + 3) {
            Some(surrogate) if surrogate[1] >= 0xa0 => {
                surrogate.copy_from_slice("\u{fffd}".as_bytes());
            }
            _ => {}
        }
        at += 1;
    }
    replaced
}

/// A string argument of a native function, converted as [`text_of`] does.
pub(super) struct Text(pub(super) String);

impl<'js> FromJs<'js> for Text {
    fn from_js(ctx: &Ctx<'js>, value: Value<'js>) -> Result<Text> {
        Ok(Text(text_of(&rquickjs::String::from_js(ctx, value)?)))
    }
}

/// The bytes of an `ArrayBuffer` or a `Uint8Array`; of anything else none.
pub(super) fn bytes_of(value: &Value<'_>) -> Vec<u8> {
    let Some(object) = value.as_object() else {
        return Vec::new();
    };
    if let Some(array) = object.as_typed_array::<u8>() {
        return copied(array);
    }
    if let Some(buffer) = object.as_array_buffer() {
        return copied_buffer(buffer);
    }
    Vec::new()
}

/// A copy of what a `Uint8Array` shows; of a detached one nothing.
#[expect(
    unsafe_code,
    reason = "no script runs while the slice is borrowed: it is copied at once"
)]
pub(super) fn copied(array: &TypedArray<'_, u8>) -> Vec<u8> {
    // SAFETY: the slice is copied before anything can run that detaches or resizes its buffer.
    unsafe { array.as_bytes() }
        .map(<[u8]>::to_vec)
        .unwrap_or_default()
}

#[expect(
    unsafe_code,
    reason = "no script runs while the slice is borrowed: it is copied at once"
)]
fn copied_buffer(buffer: &ArrayBuffer<'_>) -> Vec<u8> {
    // SAFETY: as above.
    unsafe { buffer.as_bytes() }
        .map(<[u8]>::to_vec)
        .unwrap_or_default()
}

/// Bytes as an `ArrayBuffer`, which is the engine's own and thus counts against its memory.
pub(super) fn buffer<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<ArrayBuffer<'js>> {
    ArrayBuffer::new_copy(ctx.clone(), bytes)
}

/// Bytes as a `Uint8Array`.
pub(super) fn array<'js>(ctx: &Ctx<'js>, bytes: &[u8]) -> Result<TypedArray<'js, u8>> {
    TypedArray::from_arraybuffer(buffer(ctx, bytes)?)
}
