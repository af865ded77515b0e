// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Which categories of records the alliance has, and by which definition each is checked
/// @notice A definition is canonical JSON (docs/formats/catalogue.md). Only its SHA-256 is here: whoever has a text
/// from anywhere knows by that whether it is the alliance's. The definitions of a category count from one version to
/// the next, so of two proposals on the same version only one can pass.
interface ICatalogue {
    /// @param category its name, `[a-z][a-z0-9_.]{0,30}`, right-padded with zeros
    /// @param version of its definition, from 1
    /// @param definition SHA-256 of the definition that new records are checked by from now on
    event DefinitionSet(bytes32 indexed category, uint32 version, bytes32 definition);

    error CatalogueNotAlliance(address sender);
    error CatalogueMalformedDefinition();
    /// @dev Another version is next
    error CatalogueWrongVersion(uint32 expected);
    /// @dev The version in force is this very definition
    error CatalogueUnchanged();

    /// @return how many definitions came with the deployment; all others were voted on
    function founded() external view returns (uint32);

    /// @return version of the category's definition in force; zero if there is no such category
    function versionOf(bytes32 category) external view returns (uint32);

    /// @return SHA-256 of a version of the category's definition; zero if there is none
    function definitionOf(bytes32 category, uint32 version) external view returns (bytes32);

    /// @notice Reverts unless `set` would be possible now
    function check(bytes32 category, uint32 version, bytes32 definition) external view;

    /// @notice Put a definition in force; only the alliance calls it, when a vote has passed
    function set(bytes32 category, uint32 version, bytes32 definition) external;
}
