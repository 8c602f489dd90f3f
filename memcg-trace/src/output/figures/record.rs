//! Records with figures from several places: a struct whose fields are the figures.

/// Declares the struct of a record. The comment of a field is its meaning, and `=> "TITLE"` behind it
/// lets tables show it. Before a field, `@part` takes the figures of its row into the record, and
/// `@column` leaves it to tables alone.
macro_rules! record {
    (
        $(#[doc = $meaning:literal])*
        $vis:vis struct $name:ident $(<$life:lifetime>)? {
            $( $(#[doc = $doc:literal])* $(@$how:ident)? $key:ident : $type:ty $(=> $title:literal)? ),* $(,)?
        }
    ) => {
        $(#[doc = $meaning])*
        #[derive(Debug)]
        $vis struct $name $(<$life>)? {
            $( $key: $type ),*
        }

        impl $(<$life>)? $crate::output::figures::Row for $name $(<$life>)? {
            const MEANING: &'static str = concat!($($meaning),*);

            fn figures<'r, V: $crate::output::figures::Visitor<'r, Self>>(to: &mut V)
            where
                Self: 'r,
            {
                $( $crate::output::figures::visit_field!(
                    to, [$($doc),*], $($how)? $key $(=> $title)?
                ); )*
            }
        }

        impl $(<$life>)? serde::Serialize for $name $(<$life>)? {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&$crate::output::figures::Object(self), serializer)
            }
        }

        impl $(<$life>)? $crate::output::figures::Value for $name $(<$life>)? {
            fn schema() -> serde_json::Value {
                $crate::output::figures::object::<Self>()
            }
        }
    };
}

/// See [`record`].
macro_rules! visit_field {
    ($to:ident, [$($doc:literal),*], part $key:ident) => {
        $to.part(|row| &row.$key)
    };
    ($to:ident, [$($doc:literal),*], column $key:ident => $title:literal) => {
        $to.column(stringify!($key), $title, concat!($($doc),*), |row| &row.$key)
    };
    ($to:ident, [$($doc:literal),*], $key:ident => $title:literal) => {
        $to.figure(stringify!($key), $title, concat!($($doc),*), |row| &row.$key)
    };
    ($to:ident, [$($doc:literal),*], $key:ident) => {
        $to.field(stringify!($key), concat!($($doc),*), |row| &row.$key)
    };
}

pub(in crate::output) use {record, visit_field};
